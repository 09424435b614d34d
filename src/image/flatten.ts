import { OciError } from "../error/oci-error.ts";
import type { Bytes } from "../bytes/bytes.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { JsonObject } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import { BLOCK, padding } from "../tar/block.ts";
import type { Compression } from "../tar/compress.ts";
import { editHeaders } from "../tar/edit-headers.ts";
import type { TarEntry } from "../tar/entry.ts";
import { Meter } from "../tar/measure.ts";
import { blocksOf, type RawHeader } from "../tar/raw-header.ts";
import { readTar } from "../tar/read.ts";
import { encodeEntry } from "../tar/write.ts";
import type { ChosenImage } from "./choose-image.ts";
import type { DraftLayer, DraftStep, ImageDraft, StepScope } from "./draft.ts";
import { FileTree, type Inode, type LayerEntry, pathOf, type TreeNode } from "./file-tree.ts";
import { toJson } from "../spec/json-edit.ts";
import { EPOCH } from "./layer-addition.ts";
import { layerTar, scanTar } from "../store/layer-tar.ts";
import { draftTar } from "./layer-rewrite.ts";
import { packLayer, requireDiffId } from "../transfer/pack-layer.ts";
import { compressionOf, layerType } from "../store/media-family.ts";

/** What becomes of a tree: folders first, then everything with content of its own, then further names. */
interface Arrangement {
  readonly folders: readonly TreeNode[];
  /** By layer, the entries that live on, each under one name. */
  readonly contents: readonly ReadonlyMap<number, TreeNode>[];
  readonly links: readonly (readonly [node: TreeNode, first: TreeNode])[];
}

/** A layer that can be read as often as it takes. */
interface TarLayer extends Pick<DraftLayer, "descriptor" | "diffId"> {
  open(): Bytes;
}

/** Folders' headers, so that what stands in them beside the usual fields lives on. */
type FolderHeaders = ReadonlyMap<TarEntry, readonly RawHeader[]>;

async function readTree(
  layers: readonly TarLayer[],
  signal: Signal,
): Promise<{ tree: FileTree; headers: FolderHeaders }> {
  const tree = new FileTree();
  const headers = new Map<TarEntry, readonly RawHeader[]>();
  for (const layer of layers) {
    const entries: LayerEntry[] = [];
    const take = (entry: TarEntry, raw: readonly RawHeader[]): undefined => {
      entries.push({ entry, order: entries.length });
      if (entry.type === "directory") headers.set(entry, raw);
    };
    await scanTar(layer.open(), layer.descriptor, take, signal);
    tree.apply(entries);
  }
  return { tree, headers };
}

function arrange(tree: FileTree, count: number): Arrangement {
  const folders: TreeNode[] = tree.root.inode ? [tree.root] : [];
  const contents = Array.from({ length: count }, () => new Map<number, TreeNode>());
  const links: (readonly [TreeNode, TreeNode])[] = [];
  const first = new Map<Inode, TreeNode>();
  for (const node of tree.nodes()) {
    const { inode } = node;
    if (!inode) continue;
    const known = first.get(inode);
    if (node.children) folders.push(node);
    else if (known) links.push([node, known]);
    else {
      first.set(inode, node);
      contents[inode.layer]?.set(inode.order, node);
    }
  }
  return { folders, contents, links };
}

/** The path in a tar; the root is `./`. */
function tarPath(node: TreeNode): string {
  const path = pathOf(node).slice(1);
  return node.children ? `${path === "" ? "." : path}/` : path;
}

function* headersAt(raw: readonly RawHeader[], entry: TarEntry, node: TreeNode): Generator<Buffer> {
  const path = tarPath(node);
  const same = entry.path === path.replace(/(?<=.)\/$/, "");
  for (const header of same ? raw : editHeaders(raw, { path })) yield* blocksOf(header);
}

async function* flatTar(
  layers: readonly TarLayer[],
  { tree, headers }: { readonly tree: FileTree; readonly headers: FolderHeaders },
  signal: Signal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { folders, contents, links } = arrange(tree, layers.length);
  for (const node of folders) {
    const entry = node.inode?.entry;
    if (entry) yield* headersAt(headers.get(entry) ?? [], entry, node);
  }
  for (const [at, layer] of layers.entries()) yield* contentsOf(layer, contents[at] ?? new Map(), signal);
  for (const [node, first] of links) {
    const entry = node.inode?.entry;
    if (entry)
      yield await encodeEntry({ ...entry, path: tarPath(node), type: "hardlink", linkPath: tarPath(first), size: 0 });
  }
  yield Buffer.alloc(2 * BLOCK);
}

async function* contentsOf(
  layer: TarLayer,
  living: ReadonlyMap<number, TreeNode>,
  signal: Signal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const meter = new Meter();
  const tar: Bytes = meter.measure(layer.open());
  let order = 0;
  for await (const { entry, headers, content } of readTar(tar, { endRequired: false, ...signal })) {
    const node = living.get(order);
    order += 1;
    if (!node) continue;
    yield* headersAt(headers, entry, node);
    yield* content();
    const rest = padding(entry.size);
    if (rest > 0) yield Buffer.alloc(rest);
  }
  requireDiffId(layer, meter.result.digest);
}

function flatHistory(draft: ImageDraft): JsonObject {
  const { created } = draft.config;
  return { created: typeof created === "string" ? created : EPOCH, created_by: "FLATTEN", comment: "berth" };
}

/**
 * Makes one layer of all: whiteouts are applied and gone, each file keeps its headers. Equal layers
 * give an equal layer.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED, DIGEST_INVALID, UNSUPPORTED
 */
export function flattenLayers(compression?: Compression): DraftStep {
  const known = new Map<string, DraftLayer>();
  return async (draft, scope) => {
    const { layers } = draft;
    const top = layers.at(-1);
    if (!top) throw new OciError("UNSUPPORTED", "The image has no layers to flatten");
    const key = layers.map(({ diffId }) => diffId).join();
    const layer =
      known.get(key) ?? (await flattened(layers, top, compression ?? compressionOf(top.descriptor.mediaType), scope));
    known.set(key, layer);
    return { ...draft, layers: [layer], history: [flatHistory(draft)] };
  };
}

async function flattened(
  layers: readonly DraftLayer[],
  top: DraftLayer,
  compression: Compression,
  scope: StepScope,
): Promise<DraftLayer> {
  const signal: Signal = scope.signal ? { signal: scope.signal } : {};
  const opened = layers.map((layer) => ({ ...layer, open: () => draftTar(layer, scope) }));
  const read = await readTree(opened, signal);
  const tar = (): Bytes => flatTar(opened, read, signal);
  const mediaType = layerType(top.descriptor.mediaType, compression);
  const write = (bytes: Bytes): Promise<Descriptor> => scope.writer.stream(bytes, mediaType);
  const { descriptor, diffId } = await packLayer(tar(), compression, write, signal);
  scope.changes.push({ role: "layer", from: top.descriptor, to: descriptor });
  return { descriptor, document: toJson(descriptor) as JsonObject, diffId, tar };
}

/**
 * The files of an image as a container sees them, in one tar. The layers are read twice: once for the headers, and once
 * for the contents, which are checked against the DiffIDs on the way.
 * @throws OciError UNSUPPORTED where it is no image, ARCHIVE_INVALID, LIMIT_EXCEEDED, DIGEST_INVALID
 */
export async function* exportImageTar(
  { source, manifest, config, descriptor: { digest } }: ChosenImage,
  signal: Signal = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!config) throw new OciError("UNSUPPORTED", `${digest} has no files: it is an artifact`, { digest });
  const layers = manifest.layers.map((descriptor, at) => ({
    descriptor,
    // As many as layers: checked when the configuration was read.
    diffId: config.diffIds[at] ?? descriptor.digest,
    open: () => layerTar(source, descriptor, signal),
  }));
  yield* flatTar(layers, await readTree(layers, signal), signal);
}
