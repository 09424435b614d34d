import { createHash, type Hash } from "node:crypto";
import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import type { ContentSink } from "../tar/scan.ts";
import type { ChosenImage } from "./choose-image.ts";
import { FileTree, type LayerEntry } from "./file-tree.ts";
import { describeTree, type ImageFile, readLayers } from "./image-files.ts";
import { scanLayer } from "../store/layer-tar.ts";

/** What is different about a file that both images have. */
export type FileAspect = "type" | "mode" | "owner" | "size" | "link" | "content" | "time";

export interface ChangedFile {
  readonly path: string;
  readonly before: ImageFile;
  readonly after: ImageFile;
  readonly aspects: readonly FileAspect[];
  /** The difference as a unified patch, of texts that are small enough. */
  readonly patch?: string;
}

export interface FileDiff {
  readonly added: readonly ImageFile[];
  readonly removed: readonly ImageFile[];
  readonly changed: readonly ChangedFile[];
}

export interface FileDiffOptions extends Signal {
  /** Only these files. */
  readonly filter?: (file: { readonly path: string }) => boolean;
  /** Make patches of text files. */
  readonly patch?: boolean;
  /** Modification times count. */
  readonly times?: boolean;
}

/** Where a content lies: a layer, and which entry of it. */
function placeOf(digest: Digest, order: number): string {
  return `${digest} ${order}`;
}

interface Side {
  readonly file: ImageFile;
  readonly place: string;
}

function sidesOf(tree: FileTree, image: ChosenImage, options: FileDiffOptions): Map<string, Side> {
  const { layers } = image.manifest;
  const sides = new Map<string, Side>();
  for (const { file, inode } of describeTree(tree, layers)) {
    // A hard link's content lies in another layer than its name, where that came later.
    const digest = layers[inode.layer]?.digest ?? file.layerDigest;
    if (options.filter?.(file) !== false) sides.set(file.path, { file, place: placeOf(digest, inode.order) });
  }
  return sides;
}

function aspectsOf({ file: one }: Side, { file: other }: Side, times: boolean): FileAspect[] {
  if (one.type !== other.type) return ["type"];
  return [
    ...(one.mode === other.mode ? [] : ["mode" as const]),
    ...(one.uid === other.uid && one.gid === other.gid ? [] : ["owner" as const]),
    ...(one.size === other.size ? [] : ["size" as const]),
    ...(one.linkPath === other.linkPath ? [] : ["link" as const]),
    ...(times && one.modifiedAt !== other.modifiedAt ? ["time" as const] : []),
  ];
}

/** Contents that were hashed, and kept where they are small. */
interface Contents {
  readonly digests: Map<string, string>;
  readonly texts: Map<string, Buffer>;
}

/** Hashes the contents at some places; each layer is read once. */
async function readContents(
  images: readonly ChosenImage[],
  places: ReadonlySet<string>,
  options: FileDiffOptions,
): Promise<Contents> {
  const contents: Contents = { digests: new Map(), texts: new Map() };
  const done = new Set<Digest>();
  let kept = 0;
  for (const { source, manifest } of images) {
    for (const layer of manifest.layers) {
      if (done.has(layer.digest) || ![...places].some((place) => place.startsWith(`${layer.digest} `))) continue;
      done.add(layer.digest);
      let order = -1;
      const finish: (() => void)[] = [];
      await scanLayer(
        source,
        layer,
        (entry): ContentSink | undefined => {
          order += 1;
          const place = placeOf(layer.digest, order);
          if (!places.has(place)) return undefined;
          const small =
            options.patch === true && entry.size <= Limits.diffFile && kept + entry.size <= Limits.keptContent;
          if (small) kept += entry.size;
          return contentSink(place, small, contents, finish);
        },
        options.signal ? { signal: options.signal } : {},
      );
      for (const each of finish) each();
    }
  }
  return contents;
}

function contentSink(place: string, small: boolean, contents: Contents, finish: (() => void)[]): ContentSink {
  const hash: Hash = createHash("sha256");
  const chunks: Buffer[] = [];
  finish.push(() => {
    contents.digests.set(place, hash.digest("hex"));
    if (small) contents.texts.set(place, Buffer.concat(chunks));
  });
  return (chunk) => {
    hash.update(chunk);
    if (small) chunks.push(Buffer.from(chunk));
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined || bytes.includes(0)) return undefined;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Lines that differ at most, so that two quite different texts cost no hour. */
const MAX_EDITS = 4000;

async function patchOf(before: Side, after: Side, { texts }: Contents): Promise<{ patch?: string }> {
  const [one, other] = [textOf(texts.get(before.place)), textOf(texts.get(after.place))];
  if (one === undefined || other === undefined || one === other) return {};
  const { createTwoFilesPatch } = await import("diff");
  const names = [`a${before.file.path}`, `b${after.file.path}`] as const;
  const patch = createTwoFilesPatch(names[0], names[1], one, other, undefined, undefined, { maxEditLength: MAX_EDITS });
  return patch === undefined ? {} : { patch: patch.replace(/^=+\n/, "") };
}

/**
 * Compares the files of two images as containers see them. What comes from the same entry of the same
 * layer is the same; all other contents are hashed.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
 */
export async function diffFiles(before: ChosenImage, after: ChosenImage, options: FileDiffOptions): Promise<FileDiff> {
  const known = new Map<Digest, readonly LayerEntry[]>();
  const sides: Map<string, Side>[] = [];
  for (const image of [before, after]) {
    const tree = new FileTree();
    for (const entries of await readLayers(image, options.signal ? { signal: options.signal } : {}, known))
      tree.apply(entries);
    sides.push(sidesOf(tree, image, options));
  }
  const [olds = new Map<string, Side>(), news = new Map<string, Side>()] = sides;
  const both = [...olds].flatMap(([path, one]) => {
    const other = news.get(path);
    return other && one.place !== other.place ? [[path, one, other] as const] : [];
  });
  const places = new Set<string>();
  for (const [, one, other] of both) {
    if (one.file.type !== "file" || other.file.type !== "file") continue;
    if (one.file.size === other.file.size || options.patch === true) places.add(one.place).add(other.place);
  }
  const contents = await readContents([before, after], places, options);
  const changed: ChangedFile[] = [];
  for (const [path, one, other] of both) {
    const aspects = aspectsOf(one, other, options.times ?? false);
    if (aspects.includes("size") || contents.digests.get(one.place) !== contents.digests.get(other.place))
      aspects.push("content");
    if (aspects.length === 0) continue;
    changed.push({ path, before: one.file, after: other.file, aspects, ...(await patchOf(one, other, contents)) });
  }
  return {
    added: [...news].filter(([path]) => !olds.has(path)).map(([, { file }]) => file),
    removed: [...olds].filter(([path]) => !news.has(path)).map(([, { file }]) => file),
    changed,
  };
}
