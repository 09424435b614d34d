import { OciError } from "../error/oci-error.ts";
import type { Bytes } from "../bytes/bytes.ts";
import type { JsonObject } from "../spec/json.ts";
import { BLOCK, padding } from "../tar/block.ts";
import { compress, type Compression } from "../tar/compress.ts";
import { editHeaders } from "../tar/edit-headers.ts";
import type { TarEntry } from "../tar/entry.ts";
import { Meter } from "../tar/measure.ts";
import { blocksOf, type RawHeader } from "../tar/raw-header.ts";
import { readTar } from "../tar/read.ts";
import { encodeEntry } from "../tar/write.ts";
import type { DraftLayer, DraftStep, ImageDraft, StepScope } from "./draft.ts";
import { FileTree, type Inode, type LayerEntry, pathOf, type TreeNode } from "./file-tree.ts";
import { toJson } from "./json-edit.ts";
import { EPOCH } from "./layer-addition.ts";
import { compressionOf, scanTar } from "./layer-files.ts";
import { draftTar, requireDiffId } from "./layer-rewrite.ts";
import { layerType } from "./media-family.ts";

/** What becomes of a tree: folders first, then everything with content of its own, then further names. */
interface Arrangement {
  readonly folders: readonly TreeNode[];
  /** By layer, the entries that live on, each under one name. */
  readonly contents: readonly ReadonlyMap<number, TreeNode>[];
  readonly links: readonly (readonly [node: TreeNode, first: TreeNode])[];
}

/** Folders' headers, so that what stands in them beside the usual fields lives on. */
type FolderHeaders = ReadonlyMap<TarEntry, readonly RawHeader[]>;

async function readTree(
  layers: readonly DraftLayer[],
  scope: StepScope,
): Promise<{ tree: FileTree; headers: FolderHeaders }> {
  const tree = new FileTree();
  const headers = new Map<TarEntry, readonly RawHeader[]>();
  for (const layer of layers) {
    const entries: LayerEntry[] = [];
    const take = (entry: TarEntry, raw: readonly RawHeader[]): undefined => {
      entries.push({ entry, order: entries.length });
      if (entry.type === "directory") headers.set(entry, raw);
    };
    await scanTar(draftTar(layer, scope), layer.descriptor, take, scope);
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
  layers: readonly DraftLayer[],
  { tree, headers }: { readonly tree: FileTree; readonly headers: FolderHeaders },
  scope: StepScope,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { folders, contents, links } = arrange(tree, layers.length);
  for (const node of folders) {
    const entry = node.inode?.entry;
    if (entry) yield* headersAt(headers.get(entry) ?? [], entry, node);
  }
  for (const [at, layer] of layers.entries()) yield* contentsOf(layer, contents[at] ?? new Map(), scope);
  for (const [node, first] of links) {
    const entry = node.inode?.entry;
    if (entry)
      yield await encodeEntry({ ...entry, path: tarPath(node), type: "hardlink", linkPath: tarPath(first), size: 0 });
  }
  yield Buffer.alloc(2 * BLOCK);
}

async function* contentsOf(
  layer: DraftLayer,
  living: ReadonlyMap<number, TreeNode>,
  scope: StepScope,
): AsyncGenerator<Uint8Array, void, undefined> {
  const meter = new Meter();
  const tar: Bytes = meter.measure(draftTar(layer, scope));
  let order = 0;
  for await (const { entry, headers, content } of readTar(tar, {
    endRequired: false,
    ...(scope.signal ? { signal: scope.signal } : {}),
  })) {
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
  const read = await readTree(layers, scope);
  const diff = new Meter();
  const tar = (): Bytes => flatTar(layers, read, scope);
  const bytes = compress(diff.measure(tar()), compression, scope.signal);
  const descriptor = await scope.writer.stream(bytes, layerType(top.descriptor.mediaType, compression));
  scope.changes.push({ role: "layer", from: top.descriptor, to: descriptor });
  return { descriptor, document: toJson(descriptor) as JsonObject, diffId: diff.result.digest, tar };
}
