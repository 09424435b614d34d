import { type Bytes, fromBuffer } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import type { ContentSink } from "../tar/scan.ts";
import type { TarEntry } from "../tar/entry.ts";
import { readTar } from "../tar/read.ts";
import type { ChosenImage } from "./choose-image.ts";
import { FileTree, type Inode, type LayerEntry } from "./file-tree.ts";
import { readMark, shownPath } from "./image-path.ts";
import { type LayerReading, type LazyLayer, openLazily } from "./lazy-layer.ts";
import { layerTar, scanLayer } from "../store/layer-tar.ts";

/** A file of an image with its content. */
export interface FileContent {
  /** As it was asked for. */
  readonly path: string;
  readonly entry: TarEntry;
  bytes(): Bytes;
}

/** A layer that was read: its entries, and the contents that were kept. */
interface LayerRead {
  readonly entries: readonly LayerEntry[];
  readonly contents: ReadonlyMap<number, Buffer>;
  /** Where only the entries were read, how to get at a content. */
  readonly lazy?: LazyLayer;
}

function normal(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

/** Reads layers from the top, and each only when it is asked for. */
class LayerReader {
  readonly #image: Pick<ChosenImage, "source" | "manifest">;
  readonly #signal: Signal;
  readonly #lazy: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #read = new Map<number, LayerRead>();
  #kept = 0;

  constructor(image: Pick<ChosenImage, "source" | "manifest">, paths: readonly string[], reading: LayerReading) {
    const { lazy = false, ...signal } = reading;
    this.#image = image;
    this.#signal = signal;
    this.#lazy = lazy;
    // Behind links a file has another path, and most often the same name.
    this.#names = new Set(paths.map((path) => normal(path).split("/").at(-1) ?? ""));
  }

  get layers(): readonly Descriptor[] {
    return this.#image.manifest.layers;
  }

  async read(at: number): Promise<LayerRead> {
    const known = this.#read.get(at) ?? (await this.#readLazily(at));
    if (known) return known;
    const entries: LayerEntry[] = [];
    const contents = new Map<number, Buffer>();
    const layer = this.layers[at];
    const take = (entry: TarEntry): ContentSink | undefined => {
      const order = entries.length;
      entries.push({ entry, order });
      return this.#keep(entry, order, contents);
    };
    if (layer) await scanLayer(this.#image.source, layer, take, this.#signal);
    const read = { entries, contents };
    this.#read.set(at, read);
    return read;
  }

  async #readLazily(at: number): Promise<LayerRead | undefined> {
    const layer = this.layers[at];
    const lazy = layer && this.#lazy ? await openLazily(this.#image.source, layer, this.#signal) : undefined;
    if (!lazy) return undefined;
    const read = { entries: lazy.entries, contents: new Map<number, Buffer>(), lazy };
    this.#read.set(at, read);
    return read;
  }

  #keep(entry: TarEntry, order: number, contents: Map<number, Buffer>): ContentSink | undefined {
    const name = entry.path.slice(entry.path.lastIndexOf("/") + 1);
    if (entry.type !== "file" || !this.#names.has(name)) return undefined;
    if (this.#kept + entry.size > Limits.keptContent) return undefined;
    this.#kept += entry.size;
    const buffer = Buffer.allocUnsafe(entry.size);
    contents.set(order, buffer);
    let filled = 0;
    return (chunk) => {
      buffer.set(chunk, filled);
      filled += chunk.length;
    };
  }

  /** The content of an entry: what was kept of it, or from the layer once more. */
  async *content({ layer: at, order }: Pick<Inode, "layer" | "order">): AsyncGenerator<Uint8Array, void, undefined> {
    const read = this.#read.get(at);
    const kept = read?.contents.get(order);
    if (kept) return yield* fromBuffer(kept);
    if (read?.lazy) return yield* read.lazy.content(order);
    const layer = this.layers[at];
    if (!layer) return;
    let count = 0;
    const tar = layerTar(this.#image.source, layer, this.#signal);
    // To the end, since only there it is known whether all of it was right.
    for await (const { content } of readTar(tar, { endRequired: false, ...this.#signal })) {
      if (count === order) yield* content();
      count += 1;
    }
  }
}

/**
 * What one layer alone says of a path: the file, nothing, or that it takes all layers to know. A file
 * below the top counts only where its layer makes sure of every folder above it: else a link further
 * down might give the path another meaning, for this layer or for one above.
 */
function lookIn({ entries }: LayerRead, path: string, top: boolean): LayerEntry | "unknown" | undefined {
  let found: LayerEntry | undefined;
  const folders = new Set<string>();
  for (const each of entries) {
    const own = normal(each.entry.path);
    const slash = own.lastIndexOf("/");
    const folder = slash === -1 ? "" : own.slice(0, slash);
    const mark = readMark(own.slice(slash + 1), each.entry.path);
    const hidden = mark.kind === "whiteout" ? (folder === "" ? mark.name : `${folder}/${mark.name}`) : undefined;
    if (own === path) found = each;
    else if (hidden !== undefined && isAt(path, hidden)) return "unknown";
    else if (mark.kind === "opaque" && isAt(path, folder)) return "unknown";
    else if (path.startsWith(`${own}/`)) {
      if (each.entry.type !== "directory") return "unknown";
      folders.add(own);
    }
  }
  if (!found) return undefined;
  const sure = top || folders.size === path.split("/").length - 1;
  return sure && found.entry.type === "file" ? found : "unknown";
}

function isAt(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}

function notThere(path: string): OciError {
  return new OciError("FILE_INVALID", `There is no file ${shownPath(path)} in the image`, {
    hint: "List what is there with: berth image ls",
  });
}

async function locate(reader: LayerReader, path: string): Promise<Inode> {
  for (let at = reader.layers.length - 1; at >= 0; at -= 1) {
    const found = lookIn(await reader.read(at), normal(path), at === reader.layers.length - 1);
    if (found === "unknown") break;
    if (found) return { ...found, layer: at };
  }
  const tree = new FileTree();
  for (const at of reader.layers.keys()) tree.apply((await reader.read(at)).entries);
  const node = tree.find(path, { follow: true });
  if (!node) throw notThere(path);
  const type = node.inode?.entry.type ?? "directory";
  if (!node.inode || type !== "file") {
    throw new OciError("FILE_INVALID", `Expected a file at ${shownPath(path)}, got a ${type}`);
  }
  return node.inode;
}

/**
 * Finds files in an image by their paths, links followed inside the image. Layers are read from
 * the top and no further than needed; nothing is written to a disk.
 * @throws OciError FILE_INVALID where there is no such file, ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
 */
export async function openImageFiles(
  image: Pick<ChosenImage, "source" | "manifest">,
  paths: readonly string[],
  reading: LayerReading = {},
): Promise<readonly FileContent[]> {
  const reader = new LayerReader(image, paths, reading);
  const found: FileContent[] = [];
  for (const path of paths) {
    const inode = await locate(reader, path);
    found.push({ path, entry: inode.entry, bytes: () => reader.content(inode) });
  }
  return found;
}
