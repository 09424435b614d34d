import { availableParallelism } from "node:os";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { TarEntry, TarEntryType } from "../tar/entry.ts";
import type { ChosenImage } from "./choose-image.ts";
import { FileTree, type Inode, type LayerEntry, pathOf } from "./file-tree.ts";
import { readMark } from "./image-path.ts";
import { type LayerReading, openLazily } from "./lazy-layer.ts";
import { scanLayer } from "../store/layer-tar.ts";

/** One file, folder or link of an image. */
export interface ImageFile {
  /** From the root, starting with a slash. */
  readonly path: string;
  readonly type: TarEntryType | "whiteout" | "opaque";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName?: string;
  readonly groupName?: string;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  /** Where a symbolic link leads, as it is written; the path of the file that a hard link is another name of. */
  readonly linkPath?: string;
  /** The layer that brought it, 0 the lowest. */
  readonly layer: number;
  readonly layerDigest: Digest;
}

/** Layers read at a time: as many as can be decompressed at a time, and not so many that their buffers add up. */
const TOGETHER = Math.min(4, availableParallelism());

/** Does something for each index, a few at a time. */
async function eachOf(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(TOGETHER, count) }, worker));
}

/**
 * The entries of each layer; a layer that comes twice is read once.
 * @param found layers that were read already; those that are read now are added
 */
export async function readLayers(
  image: Pick<ChosenImage, "source" | "manifest">,
  reading: LayerReading,
  found: Map<Digest, readonly LayerEntry[]> = new Map(),
): Promise<readonly (readonly LayerEntry[])[]> {
  const { layers } = image.manifest;
  const distinct = [...new Map(layers.map((layer) => [layer.digest, layer])).values()].filter(
    ({ digest }) => !found.has(digest),
  );
  const failed = new AbortController();
  const either = reading.signal ? AbortSignal.any([reading.signal, failed.signal]) : failed.signal;
  try {
    await eachOf(distinct.length, async (index) => {
      const layer = distinct[index];
      if (layer) found.set(layer.digest, await listLayer(image, layer, { ...reading, signal: either }));
    });
  } catch (error) {
    // The other readers end too.
    failed.abort(error);
    throw error;
  }
  return layers.map(({ digest }) => found.get(digest) ?? []);
}

async function listLayer(
  { source }: Pick<ChosenImage, "source">,
  layer: Descriptor,
  { lazy, ...signal }: LayerReading,
): Promise<readonly LayerEntry[]> {
  const known = lazy === true ? await openLazily(source, layer, signal) : undefined;
  if (known) return known.entries;
  const entries: LayerEntry[] = [];
  const take = (entry: TarEntry): undefined => {
    entries.push({ entry, order: entries.length });
  };
  await scanLayer(source, layer, take, signal);
  return entries;
}

/**
 * The tree of an image's files; layers are streamed through in parallel, their contents passed over.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED for layers that are not tars or not there
 */
export async function readFileTree(
  image: Pick<ChosenImage, "source" | "manifest">,
  reading: LayerReading = {},
): Promise<FileTree> {
  const tree = new FileTree();
  for (const entries of await readLayers(image, reading)) tree.apply(entries);
  return tree;
}

function describe(entry: TarEntry, rest: Pick<ImageFile, "path" | "type" | "layer" | "layerDigest">): ImageFile {
  const { mode, uid, gid, userName, groupName, size, modifiedAt, linkPath } = entry;
  return {
    ...rest,
    mode,
    uid,
    gid,
    ...(userName === "" ? {} : { userName }),
    ...(groupName === "" ? {} : { groupName }),
    size,
    modifiedAt,
    ...(linkPath === undefined ? {} : { linkPath }),
  };
}

/** The files of a tree in the order of their paths; of the names of one file the first is the file, the others are hard links. */
export function* describeTree(
  tree: FileTree,
  layers: readonly Descriptor[],
): Generator<{ readonly file: ImageFile; readonly inode: Inode }, void, undefined> {
  const first = new Map<Inode, string>();
  for (const node of tree.nodes()) {
    const { inode, layer } = node;
    const layerDigest = layers[layer]?.digest;
    // A folder that no layer names has nothing to tell.
    if (!inode || !layerDigest) continue;
    const path = pathOf(node);
    const other = first.get(inode);
    const file = describe(inode.entry, { path, type: inode.entry.type, layer, layerDigest });
    if (other === undefined) first.set(inode, path);
    yield { file: other === undefined ? file : { ...file, type: "hardlink", linkPath: other }, inode };
  }
}

/**
 * All files of an image as a container sees them, in the order of their paths.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
 */
export async function listImageFiles(
  image: Pick<ChosenImage, "source" | "manifest">,
  reading: LayerReading = {},
): Promise<readonly ImageFile[]> {
  const tree = await readFileTree(image, reading);
  return Array.from(describeTree(tree, image.manifest.layers), ({ file }) => file);
}

/**
 * The entries of one layer as they stand in it, whiteouts included.
 * @param at which layer, 0 the lowest
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
 */
export async function listLayerFiles(
  image: Pick<ChosenImage, "source" | "manifest">,
  at: number,
  reading: LayerReading = {},
): Promise<readonly ImageFile[]> {
  const layer = image.manifest.layers[at];
  if (!layer) return [];
  return (await listLayer(image, layer, reading)).map(({ entry }) => {
    const parts = entry.path.split("/").filter((part) => part !== "" && part !== ".");
    const mark = readMark(parts.at(-1) ?? "", entry.path);
    const type = mark.kind === "whiteout" || mark.kind === "opaque" ? mark.kind : entry.type;
    return describe(entry, { path: `/${parts.join("/")}`, type, layer: at, layerDigest: layer.digest });
  });
}
