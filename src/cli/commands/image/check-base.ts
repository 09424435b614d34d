import { OciError } from "../../../error/oci-error.ts";
import { describeOpened, resolveOpened } from "../../../open/opened.ts";
import { parseDigest } from "../../../spec/digest.ts";
import { parsePlatformText } from "../../../spec/platform.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import { annotatedBase, openBase } from "../../image-edit.ts";
import { ownPlatform } from "../../image-source.ts";
import { required, text } from "../../option.ts";
import { platform } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Looks whether the tag of an image's base still points at what the image was built on. Base and digest are those of the annotations org.opencontainers.image.base.name and .digest, or those that are given; without a digest the lowest layers are compared. It ends with 0 when the base is current and with 1 when it has moved.",
  arguments: { source: required("SOURCE", "the image or index") },
  options: {
    ...connection,
    platform,
    base: text("--base <locator>", "the base, as a tag (default: as the annotations say)"),
    digest: text("--digest <digest>", "what the base was (default: as the annotations say)"),
  },
  examples: [
    { about: "Only when the base has not moved", line: "berth image check-base localhost:5000/app:v1 -q && ./deploy" },
    {
      about: "An image that does not say what it is based on",
      line: "berth image check-base ocidir://images:v1 --base alpine:3.19",
    },
  ],
  async run({ source }, options, context) {
    await using stack = new AsyncDisposableStack();
    const { base, digest } = options;
    await refuseSharedCredentials([source, ...(base === undefined ? [] : [base])], options, context);
    const opened = stack.use(await openLocated(source, "read", options, context));
    const descriptor = await resolveOpened(opened, { signal: context.signal });
    const { checkBase } = await import("../../../image/check-base.ts");
    const check = await checkBase({
      source: opened.store,
      descriptor,
      ...(options.platform === undefined ? {} : { platform: parsePlatformText(options.platform) }),
      otherwise: ownPlatform(),
      ...(base === undefined ? {} : { name: base }),
      ...(digest === undefined ? {} : { digest: parseDigest(digest) }),
      open: (name) => openBase(base === undefined ? annotatedBase(name) : name, options, context, stack),
      signal: context.signal,
    });
    const told = check.current ? `${check.base} is what the image is built on` : `${check.base} has moved`;
    const lines = [told, ...(check.current ? [] : [`${check.was ?? "other layers"} -> ${check.now}`])];
    context.out.result({ source: describeOpened(opened), ...check }, lines, []);
    if (check.current) return;
    throw new OciError("CHECK_FAILED", `The base ${check.base} has moved`, {
      reference: check.base,
      hint: "Build the image again, or put it on the new base with: berth image rebase",
    });
  },
});
