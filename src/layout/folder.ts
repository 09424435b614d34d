import { join, resolve, sep } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import { compareAscii } from "../spec/layout-index-view.ts";
import { isRepositoryName, parseRepositoryName } from "../spec/name.ts";
import type { Page } from "../store/names.ts";
import type { Registry, Store } from "../store/store.ts";
import { hasMarker } from "./marker.ts";
import { openLayout } from "./open-layout.ts";

export interface FolderOptions {
  readonly readOnly?: boolean;
  readonly disk?: Disk;
  /** Milliseconds to wait for other processes that write; 60,000 by default. */
  readonly lockTimeout?: number;
}

/** Names that a layout needs for itself, so that no repository's directory may have them. */
const LAYOUT_NAMES: ReadonlySet<string> = new Set(["blobs", "index.json", "oci-layout"]);
/** Begins no part of a repository name, so an escaped part collides with none. */
const ESCAPE = "_";
/** Layouts kept open. */
const OPEN_LAYOUTS = 1000;

function escapePart(part: string): string {
  return LAYOUT_NAMES.has(part) ? `${ESCAPE}${part}` : part;
}

function unescapePart(part: string): string {
  const plain = part.startsWith(ESCAPE) ? part.slice(ESCAPE.length) : part;
  return LAYOUT_NAMES.has(plain) ? plain : part;
}

/**
 * Opens a folder of layouts as a registry: every directory below it that is a layout
 * is a repository, named by its path. A new one is made by its first push. Links are
 * not followed, so nothing outside of the folder is reached.
 * @throws OciError NAME_UNKNOWN where there is no such folder
 */
export async function openLayoutFolder(path: string, options: FolderOptions = {}): Promise<Registry> {
  const root = resolve(path);
  const disk = options.disk ?? nodeDisk;
  const found = await disk.lstat(root + sep);
  if (found?.type !== "directory") {
    throw new OciError("NAME_UNKNOWN", `There is no folder at ${JSON.stringify(path)}`);
  }
  return new LayoutFolder(root, disk, options);
}

class LayoutFolder implements Registry {
  readonly #root: string;
  readonly #disk: Disk;
  readonly #options: FolderOptions;
  readonly #open = new Map<string, Promise<Store>>();

  constructor(root: string, disk: Disk, options: FolderOptions) {
    this.#root = root;
    this.#disk = disk;
    this.#options = options;
  }

  async repository(name: string): Promise<Store> {
    parseRepositoryName(name);
    let store = this.#open.get(name);
    if (store === undefined) {
      store = this.#openStore(name);
      store.catch(() => this.#open.delete(name));
    }
    // Taken out and put back: the map's first one is the one that was not asked for the longest.
    this.#open.delete(name);
    this.#open.set(name, store);
    const [oldest] = this.#open.keys();
    if (this.#open.size > OPEN_LAYOUTS && oldest !== undefined) this.#open.delete(oldest);
    return await store;
  }

  async has(name: string): Promise<boolean> {
    if (!isRepositoryName(name)) return false;
    const path = await this.#path(name);
    return await hasMarker(this.#disk, path);
  }

  async *repositories(options: Page & { readonly prefix?: string } = {}): AsyncGenerator<string, void, undefined> {
    const { after, prefix = "", limit = Number.POSITIVE_INFINITY, signal } = options;
    const names: string[] = [];
    for await (const name of this.#walk(signal)) {
      if (name.startsWith(prefix) && (after === undefined || name > after)) names.push(name);
    }
    yield* names.toSorted(compareAscii).slice(0, limit);
  }

  async *holders(digest: Digest): AsyncGenerator<string, void, undefined> {
    for await (const name of this.repositories()) {
      const store = await this.repository(name);
      if (await holds(store, digest)) yield name;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open.clear();
  }

  async #openStore(name: string): Promise<Store> {
    const { readOnly, lockTimeout } = this.#options;
    return await openLayout(await this.#path(name), {
      disk: this.#disk,
      create: "lazy",
      // Repositories below this one may be there before it.
      mayHoldMore: true,
      ...(readOnly === undefined ? {} : { readOnly }),
      ...(lockTimeout === undefined ? {} : { lockTimeout }),
    });
  }

  /** Where a repository lies or would lie. A link on the way is an error, wherever it leads. */
  async #path(name: string): Promise<string> {
    let path = this.#root;
    for (const part of name.split("/")) {
      path = join(path, escapePart(part));
      const found = await this.#disk.lstat(path);
      if (found && found.type !== "directory") {
        throw new OciError(
          "NAME_UNKNOWN",
          `There is no repository ${JSON.stringify(name)}: ${JSON.stringify(path)} is not a directory`,
        );
      }
    }
    return path;
  }

  /** All repositories, in no order. */
  async *#walk(signal: AbortSignal | undefined): AsyncGenerator<string, void, undefined> {
    const pending = [""];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      signal?.throwIfAborted();
      const path = join(this.#root, ...name.split("/").map(escapePart));
      let isLayout = false;
      const below: string[] = [];
      for await (const entry of this.#disk.readdir(path)) {
        if (entry.name === "oci-layout" && entry.type === "file") isLayout = true;
        if (entry.type !== "directory" || LAYOUT_NAMES.has(entry.name)) continue;
        const part = unescapePart(entry.name);
        const full = name === "" ? part : `${name}/${part}`;
        if (isRepositoryName(full)) below.push(full);
      }
      if (isLayout && name !== "") yield name;
      pending.push(...below);
    }
  }
}

async function holds(store: Store, digest: Digest): Promise<boolean> {
  try {
    await store.resolve({ digest }, { kind: "blob" });
    return true;
  } catch (error) {
    if (isOciError(error, "BLOB_UNKNOWN", "CONTENT_DAMAGED", "LAYOUT_INVALID")) return false;
    throw error;
  }
}
