import { annotationChange } from "../../../image/annotation-change.ts";
import type { CreatedResult, CreateImageOptions } from "../../../image/create.ts";
import { type LayerInput, parseLayerText } from "../../../image/layer-input.ts";
import { parseTime } from "../../../image/time.ts";
import { describeOpened, type Opened, resolveOpened } from "../../../open/opened.ts";
import { formatLocator } from "../../../spec/locator.ts";
import { formatPlatform, localPlatform, parsePlatformText } from "../../../spec/platform.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import type { Context } from "../../context.ts";
import { formatBytes } from "../../format.ts";
import { newImageTags } from "../../image-target.ts";
import { readRunOptions, runOptions } from "../../image-options.ts";
import { resolvePath } from "../../input.ts";
import { readOwner } from "../../layer-owner.ts";
import { choice, keyValues, list, required, text } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";
import { style } from "../../style.ts";
import { formatTime } from "../../../spec/time.ts";

export const command: Command = defineCommand({
  about:
    "Builds an image without Docker. A layer is a folder or file with the path it gets in the image, or a finished tar, which is taken as it is. PLATFORM= before it keeps it to the images of that platform; several platforms make an index. The same input gives the same digest: files are packed in order, with one time and one owner, and the time of creation is 1970 unless --created or SOURCE_DATE_EPOCH says otherwise.",
  arguments: { target: required("TARGET", "where to, with a tag") },
  options: {
    ...connection,
    layers: list("--layer <[platform=]path[:target]>", "a folder, file or tar (may be repeated, lowest first)"),
    base: text("--base <locator>", "the image to build on, from any medium"),
    platforms: list("--platform <os/arch[/variant]>", "a platform to build for (may be repeated)"),
    ...runOptions,
    annotations: keyValues(
      "-a, --annotation <[manifest:|index:]key=value>",
      "annotate manifests, the index, or both (may be repeated)",
    ),
    compression: choice("--compression <how>", "of the layers that are packed (default: gzip)", [
      "gzip",
      "zstd",
      "none",
    ]),
    created: text("--created <time>", "time of creation, as RFC 3339 or seconds since 1970"),
    owner: text("--owner <uid[:gid]>", "who owns the packed files (default: 0:0)"),
    dryRun,
  },
  examples: [
    {
      about: "A program in an otherwise empty image, into a layout",
      line: "berth image create ocidir://images:v1 --layer ./dist:/app --entrypoint /app/serve --expose 8080",
    },
    {
      about: "Two platforms on a base, straight to a registry",
      line: "berth image create localhost:5000/app:v1 --base alpine:3.20 --layer linux/amd64=./out/amd64:/bin --layer linux/arm64=./out/arm64:/bin --cmd '[\"app\"]'",
    },
  ],
  writes: true,
  async run({ target }, options, context) {
    const epoch = sourceDateEpoch(context);
    const createdAt = options.created === undefined ? epoch : parseTime(options.created);
    const owner = readOwner(options.owner);
    const layers = options.layers.map((written) => readLayer(written, context));
    const platforms = options.platforms.map(parsePlatformText);
    const local = platforms.length === 0 && options.base === undefined && layers.every((layer) => !layer.platform);
    await refuseSharedCredentials([target, ...(options.base === undefined ? [] : [options.base])], options, context);
    await using base =
      options.base === undefined ? undefined : await openLocated(options.base, "read", options, context);
    const create: Omit<CreateImageOptions, "target" | "tags"> = {
      layers,
      platforms: local ? [localPlatform(process.arch, "linux")] : platforms,
      ...(base ? { base: await readBase(base, context) } : {}),
      config: readRunOptions(options),
      annotations: annotationChange(options.annotations),
      ...(options.compression === undefined ? {} : { compression: options.compression }),
      ...(createdAt ? { createdAt: formatTime(createdAt) } : {}),
      ...(epoch ? { epoch: Math.floor(epoch.getTime() / 1000) } : {}),
      ...(owner ? { owner } : {}),
      dryRun: options.dryRun,
      signal: context.signal,
      onEvent: context.onEvent,
    };
    await using opened = await openLocated(target, options.dryRun ? "plan" : "create", options, context);
    const tags = newImageTags(opened);
    const { createImage } = await import("../../../image/create.ts");
    const created = await createImage({ ...create, target: opened.store, tags });
    const result = { target: describeOpened(opened), tags, ...created };
    context.out.result(options.dryRun ? { dryRun: true, ...result } : result, () => lines(created), [
      created.descriptor.digest,
    ]);
  },
});

async function readBase(opened: Opened, context: Context): Promise<NonNullable<CreateImageOptions["base"]>> {
  const descriptor = await resolveOpened(opened, { signal: context.signal });
  const { locator } = opened;
  // A path of this machine says nothing to anybody else, and would make the digest depend on it.
  return {
    source: opened.store,
    descriptor,
    ...(locator.medium === "registry" ? { name: formatLocator(locator) } : {}),
  };
}

function readLayer(written: string, context: Context): LayerInput {
  const layer = parseLayerText(written);
  return { ...layer, path: resolvePath(layer.path, context) };
}

/** The convention of reproducible-builds.org. */
function sourceDateEpoch(context: Context): Date | undefined {
  const written = context.env["SOURCE_DATE_EPOCH"];
  return written === undefined || written === "" ? undefined : parseTime(written);
}

function lines({ descriptor, images }: CreatedResult): string[] {
  const shown: string[] = [];
  for (const image of images) {
    shown.push(`${formatPlatform(image.platform)}  ${style.dim(image.descriptor.digest)}`);
    for (const { descriptor: layer, createdBy } of image.layers) {
      shown.push(`  ${style.dim(layer.digest)}  ${formatBytes(layer.size)}  ${createdBy}`);
    }
  }
  return [...shown, style.bold(descriptor.digest)];
}
