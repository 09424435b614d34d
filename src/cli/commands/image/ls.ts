import { OciError } from "../../../error/oci-error.ts";
import type { ImageFile } from "../../../image/image-files.ts";
import { describeOpened } from "../../../open/opened.ts";
import type { Descriptor } from "../../../spec/descriptor.ts";
import { ENTRY_LETTERS } from "../../../tar/entry-letter.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { anyNumber, flag, required, text } from "../../option.ts";
import { lazyLayers, openImage } from "../../image-source.ts";
import { platform } from "../../shared-options.ts";
import { style } from "../../style.ts";

export const command: Command = defineCommand({
  about:
    "Lists the files of an image as a container sees them: layers applied in order, whiteouts taken into account, straight from where the image lies and without a disk. A PATH keeps the list to what is at and below it; with * and ? it is a pattern, and ** crosses folders. Of an index without --platform the image for this machine is meant.",
  arguments: {
    source: required("SOURCE", "the image"),
    paths: anyNumber("PATH", "only these files, folders or patterns"),
  },
  options: {
    ...connection,
    platform,
    lazy: lazyLayers,
    long: flag("-l, --long", "mode, owner, size, time, link target and layer too"),
    layer: text("--layer <number|digest>", "the entries of this layer alone, 0 the lowest; whiteouts are shown"),
  },
  examples: [
    { about: "Everything below /etc, with modes and sizes", line: "berth image ls alpine:3.20 /etc -l" },
    {
      about: "What the top layers of an image in a layout brought, for a program",
      line: "berth image ls ocidir://images:v1 '/usr/**/*.so' --layer 2 --json",
    },
    {
      about: "From a registry, by the tables that layers for lazy pulling have",
      line: "berth image ls alpine:3.20 --lazy",
    },
  ],
  async run({ source, paths }, options, context) {
    await using opened = await openLocated(source, "read", options, context);
    const { listImageFiles, listLayerFiles } = await import("../../../image/image-files.ts");
    const image = await openImage(opened, options.platform, context);
    const waiting = { signal: context.signal, lazy: options.lazy };
    const all =
      options.layer === undefined
        ? await listImageFiles(image, waiting)
        : await listLayerFiles(image, layerNumber(options.layer, image.manifest.layers), waiting);
    const { pathFilter } = await import("../../../image/path-filter.ts");
    const files = all.filter(pathFilter(paths));
    if (files.length === 0 && paths.length > 0) {
      throw new OciError("FILE_INVALID", `Nothing in ${describeOpened(opened)} is at ${paths.join(", ")}`);
    }
    const { digest } = image.descriptor;
    context.out.result({ source: describeOpened(opened), digest, files }, () =>
      options.long ? longLines(files) : files.map(({ path }) => path),
    );
  },
});

function layerNumber(written: string, layers: readonly Descriptor[]): number {
  const at = /^\d{1,6}$/.test(written)
    ? Number(written)
    : layers.findIndex(({ digest }) => digest === written || digest === `sha256:${written}`);
  if (layers[at]) return at;
  throw new OciError("USAGE", `There is no layer ${JSON.stringify(written)}: the image has ${layers.length}`, {
    hint: "Layers are numbered from 0, the lowest; berth image inspect lists their digests",
  });
}

const TYPES: Readonly<Record<ImageFile["type"], string>> = { ...ENTRY_LETTERS, whiteout: "w", opaque: "w" };

/** `rwxr-xr-x`, with s and t as ls shows them. */
function modeText(mode: number): string {
  const bits = Array.from({ length: 9 }, (_, at) => ((mode >> (8 - at)) & 1 ? ("rwx"[at % 3] ?? "") : "-"));
  const special: readonly (readonly [bit: number, at: number, mark: string])[] = [
    [0o4000, 2, "s"],
    [0o2000, 5, "s"],
    [0o1000, 8, "t"],
  ];
  for (const [bit, at, mark] of special) if (mode & bit) bits[at] = bits[at] === "-" ? mark.toUpperCase() : mark;
  return bits.join("");
}

function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace(/\.\d{3}Z$/, "Z");
}

function longLines(files: readonly ImageFile[]): string[] {
  const owners = files.map(({ uid, gid }) => `${uid}:${gid}`);
  const widest = (texts: readonly string[]): number => texts.reduce((width, text) => Math.max(width, text.length), 0);
  const [ownerWidth, sizeWidth] = [widest(owners), widest(files.map(({ size }) => String(size)))];
  return files.map((file, at) => {
    const { type, mode, size, modifiedAt, path, linkPath, layer } = file;
    const arrow = linkPath === undefined ? "" : type === "hardlink" ? ` = ${linkPath}` : ` -> ${linkPath}`;
    return [
      `${TYPES[type]}${modeText(mode)}`,
      (owners[at] ?? "").padEnd(ownerWidth),
      String(size).padStart(sizeWidth),
      timeText(modifiedAt),
      style.dim(`#${layer}`),
      `${path}${arrow}`,
    ].join(" ");
  });
}
