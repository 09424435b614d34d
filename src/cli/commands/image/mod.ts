import { OciError } from "../../../error/oci-error.ts";
import { annotationChange } from "../../../image/annotation-change.ts";
import type { ConfigChange } from "../../../image/config-change.ts";
import type { ModImageOptions, ModResult } from "../../../image/mod.ts";
import { formatTime, parseTime } from "../../../image/time.ts";
import { describeOpened, type Opened, resolveOpened } from "../../../open/opened.ts";
import { parseTag } from "../../../spec/name.ts";
import { parsePlatformText } from "../../../spec/platform.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, type ConnectionValues, openLocated, refuseSharedCredentials } from "../../connection.ts";
import type { Context } from "../../context.ts";
import { formatCount } from "../../format.ts";
import { newImageTags } from "../../image-target.ts";
import { readRunOptions, removeOptions, runOptions, withRemovals } from "../../image-options.ts";
import { flag, keyValues, list, required, text } from "../../option.ts";
import { requireTag } from "../../resolve.ts";
import { dryRun } from "../../shared-options.ts";
import { style } from "../../style.ts";

export const command: Command = defineCommand({
  about:
    "Changes an image, or every image of an index, and rebuilds the index above. What is not named stays as it is, layers included. A change makes new digests: what hangs on the old ones stays with them, unless --referrers copies it to the new ones. Signatures and attestations never follow, since they speak of the old digest: sign again. Choose where the result goes with --replace, --tag or --create.",
  arguments: { source: required("SOURCE", "the image or index to change") },
  options: {
    ...connection,
    replace: flag("--replace", "move the source's tag to the result"),
    tag: text("--tag <tag>", "name the result beside the source"),
    create: text("--create <target>", "put the result somewhere else"),
    platforms: list("--platform <os/arch[/variant]>", "only these images of an index (may be repeated)"),
    ...runOptions,
    ...removeOptions,
    annotations: keyValues(
      "-a, --annotation <[manifest:|index:]key=value>",
      "annotate manifests, the index, or both (may be repeated)",
    ),
    setPlatform: text("--config-platform <os/arch[/variant]>", "what the image says it runs on"),
    created: text("--created <time>", "time of creation, as RFC 3339 or seconds since 1970"),
    timeMax: text("--time-max <time>", "nothing in the image is newer: configuration, history, files"),
    referrers: flag("--referrers", "copy what hangs on a changed manifest to the new one"),
    dryRun,
  },
  examples: [
    {
      about: "Label an image in a layout and move its tag",
      line: "berth image mod ocidir://images:v1 --replace --label org.opencontainers.image.licenses=Apache-2.0",
    },
    {
      about: "A reproducible variant beside the original, with the SBOMs",
      line: "berth image mod localhost:5000/app:v1 --tag v1-fixed --time-max 2026-01-01 --referrers",
    },
  ],
  writes: true,
  async run({ source }, options, context) {
    const ways = [options.replace, options.tag !== undefined, options.create !== undefined].filter(Boolean);
    if (ways.length !== 1) {
      throw new OciError("USAGE", "Expected one of --replace, --tag and --create", {
        hint: "They say where the result goes; --dry-run shows it without writing",
      });
    }
    const change = readChange(options);
    await refuseSharedCredentials(
      [source, ...(options.create === undefined ? [] : [options.create])],
      options,
      context,
    );
    const mode = options.dryRun || options.create !== undefined ? "read" : "write";
    await using from = await openLocated(source, mode, options, context);
    const descriptor = await resolveOpened(from, { signal: context.signal });
    const expect = options.replace ? { expect: descriptor.digest } : {};
    await using to = options.create === undefined ? undefined : await openTarget(options.create, options, context);
    const tags = await tagsOf(from, to, options.tag);
    const { modImage } = await import("../../../image/mod.ts");
    const result = await modImage({
      ...change,
      source: from.store,
      descriptor,
      target: (to ?? from).store,
      tags,
      ...expect,
      dryRun: options.dryRun,
      signal: context.signal,
      onEvent: context.onEvent,
    });
    warnLeft(result, options.referrers, context);
    const shown = {
      source: describeOpened(from),
      target: describeOpened(to ?? from),
      tags,
      from: descriptor,
      ...result,
    };
    context.out.result(options.dryRun ? { dryRun: true, ...shown } : shown, () => lines(result), [
      result.descriptor.digest,
    ]);
  },
});

type Values = Parameters<typeof readRunOptions>[0] &
  Parameters<typeof withRemovals>[1] & {
    readonly annotations: Readonly<Record<string, string>>;
    readonly platforms: readonly string[];
    readonly setPlatform: string | undefined;
    readonly created: string | undefined;
    readonly timeMax: string | undefined;
    readonly referrers: boolean;
  };

function readChange(values: Values): Partial<ModImageOptions> {
  const config: ConfigChange = {
    ...withRemovals(readRunOptions(values), values),
    ...(values.setPlatform === undefined ? {} : { platform: parsePlatformText(values.setPlatform) }),
    ...(values.created === undefined ? {} : { created: formatTime(parseTime(values.created)) }),
  };
  return {
    config,
    annotations: annotationChange(values.annotations, values.annotationRemove),
    ...(values.platforms.length === 0 ? {} : { platforms: values.platforms.map(parsePlatformText) }),
    ...(values.timeMax === undefined ? {} : { timeMax: parseTime(values.timeMax) }),
    referrers: values.referrers,
  };
}

function openTarget(
  written: string,
  options: ConnectionValues & { readonly dryRun: boolean },
  context: Context,
): Promise<Opened> {
  return openLocated(written, options.dryRun ? "plan" : "create", options, context);
}

async function tagsOf(from: Opened, to: Opened | undefined, tag: string | undefined): Promise<readonly string[]> {
  if (to) return newImageTags(to);
  return [tag === undefined ? await requireTag(from) : parseTag(tag)];
}

function warnLeft({ left }: ModResult, asked: boolean, context: Context): void {
  if (left.length === 0) return;
  const count = formatCount(left.length, "referrer");
  const stay = left.length === 1 ? "stays with the old digest" : "stay with the old digests";
  context.warn(
    asked
      ? `${count} cannot follow: signatures and attestations speak of the old digest; sign or attest again`
      : `${count} ${stay}; --referrers copies what can follow`,
  );
}

function lines({ changes, descriptor }: ModResult): string[] {
  const told = changes.map(({ role, from, to }) => `${role.padEnd(8)}  ${style.dim(from.digest)} -> ${to.digest}`);
  return [...(told.length === 0 ? ["Nothing to change"] : told), style.bold(descriptor.digest)];
}
