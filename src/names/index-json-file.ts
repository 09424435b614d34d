import { join } from "node:path";
import type { Disk, EntryStat } from "../disk/disk.ts";
import { readSmallFile, replaceFile } from "../disk/small-file.ts";
import { OciError } from "../error/oci-error.ts";
import { emptyLayoutIndex, encodeLayoutIndex, type LayoutIndex, parseLayoutIndex } from "../spec/layout-index.ts";
import { LayoutIndexView } from "../spec/layout-index-view.ts";
import { Limits } from "../spec/limits.ts";

/**
 * Milliseconds that a file has to be old before its stamp is trusted: two writes
 * within one tick of the kernel's clock can leave the same stamp.
 */
const SETTLED_AFTER = 50;
/** The same for file systems that keep whole seconds only. */
const SETTLED_AFTER_COARSE = 2500;

interface Loaded {
  readonly stat: EntryStat;
  readonly view: LayoutIndexView;
  readonly settled: boolean;
}

interface Loading {
  readonly stat: EntryStat;
  readonly done: Promise<LayoutIndexView>;
}

/** The file index.json, with what was last read of it. One lstat tells whether that still holds. */
export class IndexFile {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #path: string;
  readonly #onAbsent: () => Promise<void>;
  #loaded: Loaded | undefined;
  #loading: Loading | undefined;

  /** @param onAbsent called when there is no index.json: throws unless that is right */
  constructor(disk: Disk, root: string, onAbsent: () => Promise<void>) {
    this.#disk = disk;
    this.#root = root;
    this.#path = join(root, "index.json");
    this.#onAbsent = onAbsent;
  }

  /** @throws OciError LAYOUT_INVALID, IO */
  async load(): Promise<LayoutIndexView> {
    const stat = await this.#disk.lstat(this.#path);
    if (stat === undefined) return await this.#absent();
    if (this.#loaded?.settled && isSame(stat, this.#loaded.stat)) return this.#loaded.view;
    if (this.#loading && isSame(stat, this.#loading.stat)) return await this.#loading.done;
    const loading = { stat, done: this.#read() };
    this.#loading = loading;
    try {
      return await loading.done;
    } finally {
      if (this.#loading === loading) this.#loading = undefined;
    }
  }

  /** Replaces the file; the caller holds the layout's lock. */
  async save(index: LayoutIndex): Promise<void> {
    const bytes = encodeLayoutIndex(index);
    if (bytes.length > Limits.layoutIndex) {
      throw new OciError(
        "LIMIT_EXCEEDED",
        `The index.json would have ${bytes.length} bytes, the limit is ${Limits.layoutIndex}`,
      );
    }
    this.#loaded = undefined;
    // One fixed name: only the lock's holder writes it, so what a dead one left is written over.
    const temporary = join(this.#root, ".berth", "index.json.new");
    await replaceFile(this.#disk, this.#path, { temporary, directory: this.#root }, bytes);
  }

  /** Makes what was read durable, in case its writer died before it could. */
  async sync(): Promise<void> {
    await this.#disk.syncDirectory(this.#root);
  }

  async #absent(): Promise<LayoutIndexView> {
    await this.#onAbsent();
    return new LayoutIndexView(emptyLayoutIndex);
  }

  async #read(): Promise<LayoutIndexView> {
    const now = Date.now();
    const found = await readSmallFile(this.#disk, this.#path, Limits.layoutIndex, "layout index");
    if (found === undefined) return await this.#absent();
    const view = new LayoutIndexView(parseLayoutIndex(found.bytes));
    this.#loaded = { stat: found.stat, view, settled: isSettled(found.stat, now) };
    return view;
  }
}

function isSame(left: EntryStat, right: EntryStat): boolean {
  return (
    left.inode === right.inode &&
    left.device === right.device &&
    left.size === right.size &&
    left.modifiedNs === right.modifiedNs &&
    left.changedNs === right.changedNs
  );
}

function isSettled(stat: EntryStat, now: number): boolean {
  const coarse = stat.modifiedNs % 1_000_000_000n === 0n;
  const changed = Number(stat.changedNs / 1_000_000n);
  return now - changed > (coarse ? SETTLED_AFTER_COARSE : SETTLED_AFTER);
}
