import { resolve, sep } from "node:path";
import { hasMarker } from "../blobs/directory-marker.ts";
import { requireOwnPath, walkRepositories } from "../blobs/directory-repositories.ts";
import type { Disk } from "../disk/disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import { compareAscii } from "../spec/layout-index-view.ts";
import { isRepositoryName, parseRepositoryName } from "../spec/name.ts";
import type { Page } from "../store/names.ts";
import type { Registry, Store } from "../store/store.ts";
import { openLayout } from "./open-layout.ts";

export interface FolderOptions {
  readonly readOnly?: boolean;
  readonly disk?: Disk;
  /** Milliseconds to wait for other processes that write; 60,000 by default. */
  readonly lockTimeout?: number;
}

/** Layouts kept open. */
const OPEN_LAYOUTS = 1000;

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
    const path = await requireOwnPath(this.#disk, this.#root, name);
    return await hasMarker(this.#disk, path);
  }

  async *repositories(options: Page & { readonly prefix?: string } = {}): AsyncGenerator<string, void, undefined> {
    const { after, prefix = "", limit = Number.POSITIVE_INFINITY, signal } = options;
    const names: string[] = [];
    for await (const name of walkRepositories(this.#disk, this.#root, { signal })) {
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
    return await openLayout(await requireOwnPath(this.#disk, this.#root, name), {
      disk: this.#disk,
      create: "lazy",
      // Repositories below this one may be there before it.
      mayHoldMore: true,
      ...(readOnly === undefined ? {} : { readOnly }),
      ...(lockTimeout === undefined ? {} : { lockTimeout }),
    });
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
