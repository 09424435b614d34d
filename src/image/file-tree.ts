import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import type { TarEntry } from "../tar/entry.ts";
import { pathParts, readMark, shownPath } from "./image-path.ts";

/** Content and attributes; hard links share one. */
export interface Inode {
  readonly entry: TarEntry;
  /** Which layer brought it, 0 the lowest; which entry of that layer. */
  readonly layer: number;
  readonly order: number;
}

/** One name in the tree. */
export interface TreeNode {
  readonly name: string;
  readonly parent: TreeNode | undefined;
  /** Absent: a folder that no layer names, only paths below it. */
  inode: Inode | undefined;
  /** The layer that brought this name last. */
  layer: number;
  children: Map<string, TreeNode> | undefined;
}

/** One entry of a layer, in order. */
export interface LayerEntry {
  readonly entry: TarEntry;
  readonly order: number;
}

/** Characters of a link's target that is followed; systems take 4096 bytes. */
const MAX_LINK = 4096;

function invalid(path: string, problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid layer: ${shownPath(path)} ${problem}`);
}

/** The absolute path of a node. */
export function pathOf(node: TreeNode): string {
  const parts: string[] = [];
  for (let at = node; at.parent; at = at.parent) parts.push(at.name);
  return `/${parts.reverse().join("/")}`;
}

/**
 * The files of an image: its layers applied one on another, without a disk. Links in the parts of
 * a path are followed inside the tree and never leave it, as a container sees them.
 */
export class FileTree {
  readonly root: TreeNode = { name: "", parent: undefined, inode: undefined, layer: 0, children: new Map() };
  readonly #maxFiles: number;
  readonly #maxSteps: number;
  #layers = 0;
  #steps = 0;
  #nodes = 0;
  #names = 0;

  /** @param options how many files and steps it takes, {@link Limits.imageFiles} and `imageSteps` by default */
  constructor(options: { readonly files?: number; readonly steps?: number } = {}) {
    this.#maxFiles = options.files ?? Limits.imageFiles;
    this.#maxSteps = options.steps ?? Limits.imageSteps;
  }

  /**
   * Applies the next layer. Its whiteouts act on lower layers alone, wherever they stand in it.
   * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
   */
  apply(entries: readonly LayerEntry[]): void {
    const layer = this.#layers;
    this.#layers += 1;
    for (const { entry } of entries) this.#hide(entry, layer);
    for (const { entry, order } of entries) this.#add({ entry, layer, order });
  }

  #hide(entry: TarEntry, layer: number): void {
    const parts = pathParts(entry.path);
    const mark = readMark(parts.at(-1) ?? "", entry.path);
    if (mark.kind !== "whiteout" && mark.kind !== "opaque") return;
    const folder = this.#follow(parts.slice(0, -1));
    if (!folder?.children || layer === 0) return;
    if (mark.kind === "whiteout") folder.children.delete(mark.name);
    else folder.children.clear();
  }

  #add(inode: Inode): void {
    const { entry, layer } = inode;
    const parts = pathParts(entry.path);
    const name = parts.at(-1);
    if (name === undefined) {
      if (entry.type !== "directory") throw invalid(entry.path, "would replace the root");
      this.root.inode = inode;
      return;
    }
    if (readMark(name, entry.path).kind !== "content") return;
    const parent = this.#makeFolder(parts.slice(0, -1), layer, entry.path);
    const existing = parent.children?.get(name);
    if (entry.type === "directory" && existing?.children) {
      existing.inode = inode;
      existing.layer = layer;
      return;
    }
    const target = entry.type === "hardlink" ? this.#linkTarget(entry) : undefined;
    if (target !== undefined && target === existing) return;
    const node = this.#insert(parent, name, layer);
    node.inode = target?.inode ?? inode;
    if (entry.type === "directory") node.children = new Map();
  }

  #linkTarget(entry: TarEntry): TreeNode {
    const target = this.#walk(pathParts(entry.linkPath ?? ""));
    if (!target) throw invalid(entry.path, `is a hard link to ${shownPath(entry.linkPath ?? "")}, which is not there`);
    if (target.children) throw invalid(entry.path, "is a hard link to a folder");
    return target;
  }

  #insert(parent: TreeNode, name: string, layer: number): TreeNode {
    this.#nodes += 1;
    this.#names += name.length;
    if (this.#nodes > this.#maxFiles) {
      throw new OciError("LIMIT_EXCEEDED", `The image has more than ${this.#maxFiles} files and folders`);
    }
    if (this.#names > Limits.imageNames) {
      throw new OciError("LIMIT_EXCEEDED", `The image's file names have more than ${Limits.imageNames} characters`);
    }
    const node: TreeNode = { name, parent, inode: undefined, layer, children: undefined };
    parent.children?.set(name, node);
    return node;
  }

  #makeFolder(parts: readonly string[], layer: number, path: string): TreeNode {
    // A link that leads nowhere yet becomes the folders that it names, as when a layer is unpacked.
    const found = this.#follow(parts, (parent, name) => {
      const node = this.#insert(parent, name, layer);
      node.children = new Map();
      return node;
    });
    if (!found?.children) throw invalid(path, "is below something that is not a folder");
    return found;
  }

  /** The node at a path; links are followed in all parts but the last. */
  #walk(parts: readonly string[]): TreeNode | undefined {
    const name = parts.at(-1);
    if (name === undefined) return this.root;
    return this.#follow(parts.slice(0, -1))?.children?.get(name);
  }

  /** Follows a path with all links in it, never above the root. */
  #follow(parts: readonly string[], missing?: (parent: TreeNode, name: string) => TreeNode): TreeNode | undefined {
    const left = parts.toReversed();
    this.#walked(parts.length);
    let at: TreeNode = this.root;
    let links = 0;
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        at = at.parent ?? at;
        continue;
      }
      if (!at.children) return undefined;
      const next: TreeNode | undefined = at.children.get(name) ?? missing?.(at, name);
      if (!next) return undefined;
      const entry = next.inode?.entry;
      if (entry?.type !== "symlink") {
        at = next;
        continue;
      }
      links += 1;
      if (links > Limits.imageLinks) return undefined;
      const linkPath = entry.linkPath ?? "";
      if (linkPath.length > MAX_LINK) return undefined;
      const target = linkPath.split("/");
      if (target.length + left.length > 2 * Limits.imageDepth) return undefined;
      this.#walked(target.length);
      if (linkPath.startsWith("/")) at = this.root;
      left.push(...target.reverse());
    }
    return at;
  }

  #walked(parts: number): void {
    this.#steps += parts;
    if (this.#steps <= this.#maxSteps) return;
    throw new OciError("LIMIT_EXCEEDED", "The image's paths lead through too many links and folders");
  }

  /** What a path means; `follow`: also where its last part is a link. Undefined: nothing. */
  find(path: string, options: { readonly follow: boolean }): TreeNode | undefined {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    return options.follow || parts.includes("..") ? this.#follow(parts) : this.#walk(parts);
  }

  /** Every node but the root in the order of the names, folders before what is in them. */
  *nodes(from: TreeNode = this.root): Generator<TreeNode, void, undefined> {
    const stack = sorted(from).reverse();
    for (let node = stack.pop(); node; node = stack.pop()) {
      yield node;
      if (node.children) for (const child of sorted(node).reverse()) stack.push(child);
    }
  }
}

function sorted(node: TreeNode): TreeNode[] {
  return [...(node.children?.values() ?? [])].sort((one, other) => (one.name < other.name ? -1 : 1));
}
