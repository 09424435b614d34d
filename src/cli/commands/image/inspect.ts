import type { AttachedReport, ImageReport, LayerReport, Report } from "../../../image/inspect.ts";
import type { Bytes } from "../../../bytes/bytes.ts";
import { describeOpened, type Opened } from "../../../open/opened.ts";
import type { Annotations } from "../../../spec/descriptor.ts";
import { formatPlatform } from "../../../spec/platform.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import type { Context } from "../../context.ts";
import { formatBytes, formatCount, formatFields } from "../../format.ts";
import { openImage } from "../../image-source.ts";
import { flag, required } from "../../option.ts";
import { resolveManifest } from "../../resolve.ts";
import { platform } from "../../shared-options.ts";
import { style } from "../../style.ts";

export const command: Command = defineCommand({
  about:
    "Shows what an image is made of: platforms, sizes, configuration, layers with their DiffIDs, history, annotations, its base, and what hangs on it: signatures, SBOMs, BuildKit's attestations. Layers are not read without --sizes.",
  arguments: { source: required("SOURCE", "the image or index") },
  options: {
    ...connection,
    platform,
    sizes: flag("--sizes", "read the layers, and tell how large they are unpacked"),
    dockerfile: flag("--dockerfile", "the history alone, as a Dockerfile"),
    raw: flag("--raw", "the configuration as it is stored, byte for byte"),
  },
  examples: [
    { about: "All platforms of an image in a registry", line: "berth image inspect alpine:3.20" },
    {
      about: "One platform of an image in a layout, for a program",
      line: "berth image inspect ocidir://images:v1 --platform linux/arm64 --json",
    },
  ],
  async run({ source }, options, context) {
    await using opened = await openLocated(source, "read", options, context);
    if (options.raw) return await context.out.bytes(await rawConfig(opened, options.platform, context));
    if (options.dockerfile) return await showDockerfile(opened, options.platform, context);
    const descriptor = await resolveManifest(opened, options.platform, context);
    const { inspectImage } = await import("../../../image/inspect.ts");
    const report = await inspectImage(opened.store, descriptor, {
      measure: options.sizes,
      signal: context.signal,
    });
    context.out.result({ source: describeOpened(opened), ...report }, () => reportLines(report, ""));
  },
});

async function rawConfig(opened: Opened, platformText: string | undefined, context: Context): Promise<Bytes> {
  const { manifest } = await openImage(opened, platformText, context);
  return opened.store.fetch(manifest.config, { kind: "blob", signal: context.signal });
}

async function showDockerfile(opened: Opened, platformText: string | undefined, context: Context): Promise<void> {
  const image = await openImage(opened, platformText, context);
  const { dockerfileOf, inspectImage } = await import("../../../image/inspect.ts");
  const report = await inspectImage(opened.store, image.descriptor, { signal: context.signal });
  const shown = report.form === "image" ? dockerfileOf(report) : [];
  context.out.result({ source: describeOpened(opened), digest: image.descriptor.digest, dockerfile: shown }, shown);
}

function reportLines(report: Report, indent: string): string[] {
  const { descriptor } = report;
  switch (report.form) {
    case "other":
      return [`${indent}${style.bold(descriptor.digest)}  ${descriptor.mediaType}  ${formatBytes(descriptor.size)}`];
    case "index":
      return [
        `${indent}${style.bold(descriptor.digest)}  index of ${report.images.length}${attached(report.referrers)}`,
        ...annotationLines(report.annotations, `${indent}  `),
        ...attachedLines(report.attached, `${indent}  `),
        ...report.images.flatMap((image) => reportLines(image, `${indent}  `)),
      ];
    case "image":
      return imageLines(report, indent);
  }
}

function attached(referrers: number): string {
  return referrers === 0 ? "" : `, ${formatCount(referrers, "referrer")}`;
}

function annotationLines(annotations: Annotations, indent: string): string[] {
  return Object.entries(annotations).map(([key, value]) => `${indent}${style.dim(`${key}:`)} ${value}`);
}

function layerSize({ descriptor, uncompressedSize }: LayerReport): string {
  const unpacked = uncompressedSize === undefined ? "" : ` (${formatBytes(uncompressedSize)} unpacked)`;
  return `${formatBytes(descriptor.size)}${unpacked}`;
}

function attachedLines(attached: readonly AttachedReport[], indent: string): string[] {
  return attached.map(({ digest, artifactType, size }) => {
    return `${indent}${style.dim("referrer")} ${digest}  ${artifactType ?? "no type"}  ${formatBytes(size)}`;
  });
}

function words(value: readonly string[] | undefined): string | undefined {
  return value === undefined || value.length === 0 ? undefined : JSON.stringify(value);
}

function joined(value: readonly string[] | undefined): string | undefined {
  return value === undefined || value.length === 0 ? undefined : value.join(" ");
}

function imageLines(report: ImageReport, indent: string): string[] {
  const { descriptor, run, layers, history } = report;
  const title = report.platform ? formatPlatform(report.platform) : (report.artifactType ?? descriptor.mediaType);
  const base = [report.base?.name, report.base?.digest].filter((part) => part !== undefined).join("@");
  const labels = Object.entries(run?.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const fields = formatFields([
    ["created", report.created],
    ["author", report.author],
    ["base", base || undefined],
    ["entrypoint", words(run?.entrypoint)],
    ["cmd", words(run?.cmd)],
    ["env", joined(run?.env)],
    ["user", run?.user],
    ["workdir", run?.workingDir],
    ["ports", joined(run?.exposedPorts)],
    ["volumes", joined(run?.volumes)],
    ["labels", joined(labels)],
    ["stop signal", run?.stopSignal],
    ["attests", report.attests],
    ["predicates", joined(report.predicates)],
  ]);
  const unpacked = report.uncompressedSize === undefined ? "" : ` (${formatBytes(report.uncompressedSize)} unpacked)`;
  const size = `${formatBytes(report.size)}${unpacked}, ${formatCount(layers.length, "layer")}${attached(report.referrers)}`;
  return [
    `${indent}${style.bold(descriptor.digest)}  ${title}  ${size}`,
    ...fields.map((line) => `${indent}  ${line}`),
    ...annotationLines(report.annotations, `${indent}  `),
    ...layers.flatMap((layer) => [
      `${indent}  ${style.dim("layer")} ${layer.descriptor.digest}  ${layerSize(layer)}`,
      ...(layer.diffId === undefined ? [] : [`${indent}        ${style.dim(`DiffID ${layer.diffId}`)}`]),
    ]),
    ...history.map((line) => `${indent}  ${style.dim("|")} ${line}`),
    ...attachedLines(report.attached, `${indent}  `),
  ];
}
