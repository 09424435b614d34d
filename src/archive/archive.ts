import { DirectoryBlobs } from "../blobs/directory.ts";
import type { Bytes } from "../bytes/bytes.ts";
import type { Disk, DiskFile, EntryStat } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import { HeldIndexNames } from "../names/index-json-held.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { LayoutIndex } from "../spec/layout-index.ts";
import type { Signal } from "../store/content.ts";
import { decorate } from "../store/decorate.ts";
import type { Change, Names } from "../store/names.ts";
import { repository } from "../store/repository.ts";
import type { Location, Store } from "../store/store.ts";
import { type Base, openBase } from "./base.ts";
import { withArchiveLock } from "./lock.ts";
import { manifestBytes } from "./manifest-bytes.ts";
import { OverlayBlobs, readOnlyError } from "./overlay-blobs.ts";
import type { Contents } from "./pack.ts";
import { Stage } from "./stage.ts";
import { compressionOfName, writeArchive } from "./write-archive.ts";

/** Takes the bytes of an archive that is not written to a file. */
export type Sink = (bytes: Bytes) => Promise<void>;

/** How an archive is packed, which tells one kind from another. */
export type Packer = (contents: Omit<Contents, "manifestJson">, options: Signal) => Promise<Bytes>;

export interface ArchiveParts {
  readonly disk: Disk;
  /** Undefined: it goes to the sink. */
  readonly path: string | undefined;
  readonly base: Base;
  readonly pack: Packer;
  readonly sink?: Sink;
  readonly readOnly: boolean;
  readonly lockTimeout?: number;
  readonly spoolLimit?: number;
  /** Replace what is there, whatever it is, rather than add to it. */
  readonly replace?: boolean;
  /** Changes go there instead of to the disk. */
  readonly into?: Archive;
}

/** A layout in a tar: what is on the disk, and the changes that are written in one step. */
export class Archive {
  readonly store: Store;
  readonly #parts: ArchiveParts;
  readonly #stage: Stage;
  readonly #blobs: OverlayBlobs;
  readonly #files: DiskFile[] = [];
  #base: Base;
  #names: HeldIndexNames;
  #readOnly: boolean;
  #dirty = false;
  /** Batches that were applied before those that the names know of. */
  #earlier: readonly (readonly Change[])[] = [];
  /** The end of the last taking over. */
  #last: Promise<void> = Promise.resolve();
  /** The file on the disk whose content is a part of what is held here. */
  #seen: EntryStat | undefined;

  constructor(parts: ArchiveParts) {
    this.#parts = parts;
    this.#base = parts.base;
    this.#readOnly = parts.readOnly;
    this.#stage = new Stage(parts.disk, parts.path);
    this.#blobs = new OverlayBlobs(this.#stage.blobs, parts.base.blobs ? [parts.base.blobs] : [], () => this.#write());
    this.#names = new HeldIndexNames(parts.base.index, manifestBytes(this.#blobs));
    this.#hold(parts.base);
    this.store = this.#makeStore();
  }

  /** Of the file; `-` where there is none. */
  get path(): string {
    return this.#parts.path ?? "-";
  }

  get location(): Location {
    return { medium: "archive", path: this.path };
  }

  /** Whether there is something to be written. */
  get dirty(): boolean {
    return this.#dirty;
  }

  /** The index as it stands now. */
  get index(): LayoutIndex {
    return this.#names.index;
  }

  /**
   * An archive over what this one holds at this moment. Its commit brings its changes here, all or none, and writes
   * nothing; disposing it without drops them. It is of use as long as this one is.
   */
  nested(): Archive {
    const base = { entries: undefined, index: this.index, blobs: this.#blobs };
    return new Archive({ ...this.#parts, base, readOnly: true, into: this });
  }

  /** From here on it may be changed. */
  allowWrites(): void {
    this.#readOnly = false;
  }

  /**
   * Writes all changes in one step. When somebody else replaced the archive meanwhile, they are applied to what
   * it is now.
   * @throws OciError CONFLICT, LOCKED, NO_SPACE, IO
   */
  async commit(options: Signal = {}): Promise<void> {
    if (!this.#dirty) return;
    const { path, disk, sink, lockTimeout, into } = this.#parts;
    if (into) {
      await into.#absorb(this, options);
    } else if (path === undefined) {
      await sink?.(await this.#parts.pack(await this.#contents(), options));
    } else {
      const lock = { ...options, timeout: lockTimeout };
      while (!(await withArchiveLock(disk, path, (current) => this.#replace(path, current, options), lock)));
    }
    this.#dirty = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files.splice(0)) await file[Symbol.asyncDispose]();
    await this.#stage[Symbol.asyncDispose]();
  }

  /** False: there was no archive, and now there is one. */
  async #replace(path: string, current: DiskFile | undefined, options: Signal): Promise<boolean> {
    const { disk, replace } = this.#parts;
    const there = await current?.stat();
    if (!replace && !isSame(there, this.#seen)) await this.#rebase(path, options);
    const compression = compressionOfName(path) ?? this.#base.entries?.archive.compression ?? "none";
    const bytes = await this.#parts.pack(await this.#contents(), options);
    const written = await writeArchive(disk, path, bytes, {
      compression,
      fresh: there === undefined,
      ...(there === undefined ? {} : { mode: there.mode }),
      ...options,
    });
    if (written) this.#seen = written;
    return written !== undefined;
  }

  /** Reads what somebody else made of the archive, and does what was done here once more. */
  async #rebase(path: string, options: Signal): Promise<void> {
    const { disk, spoolLimit } = this.#parts;
    const base = await openBase(disk, path, { ...options, ...(spoolLimit === undefined ? {} : { spoolLimit }) });
    const changes = [...this.#earlier, ...this.#names.changes];
    this.#earlier = [];
    this.#hold(base);
    if (base.blobs) this.#blobs.rebase(base.blobs);
    this.#base = base;
    this.#names = new HeldIndexNames(base.index, manifestBytes(this.#blobs));
    for (const batch of changes) await this.#names.update(batch, options);
  }

  /** One after the other: each is applied to what the one before it left. */
  async #absorb(other: Archive, options: Signal): Promise<void> {
    const done = this.#last.then(() => this.#take(other, options));
    // Its failure is that of the other one; the next goes on from what was before.
    this.#last = done.catch(() => undefined);
    await done;
  }

  /** @throws OciError CONFLICT where what others brought meanwhile does not go with it; nothing is taken then */
  async #take(other: Archive, options: Signal): Promise<void> {
    for (const digest of other.#blobs.leased) {
      if (await this.#blobs.rely(digest)) continue;
      throw new OciError("CONFLICT", `Somebody else took ${digest} away meanwhile`, { digest });
    }
    const [mine, theirs] = [manifestBytes(this.#blobs), manifestBytes(other.#blobs)];
    const names = new HeldIndexNames(this.index, {
      ...mine,
      read: async (digest, reading) => ((await this.#blobs.stat(digest)) ? mine : theirs).read(digest, reading),
    });
    for (const batch of other.#names.changes) await names.update(batch, options);
    const listed = digestsIn(names.index);
    const before = digestsIn(other.#parts.base.index);
    // Lists of referrers that were written anew just now, since others had written them too.
    const outdated = [...digestsIn(other.index)].filter((digest) => !before.has(digest) && !listed.has(digest));
    for (const digest of other.#blobs.removed) if (!listed.has(digest)) await this.#blobs.remove(digest, options);
    await this.#stage.adopt(other.#stage, new Set(outdated));
    this.#earlier = [...this.#earlier, ...this.#names.changes, ...other.#names.changes];
    this.#names = new HeldIndexNames(names.index, mine);
    this.#dirty = true;
  }

  async #contents(): Promise<Omit<Contents, "manifestJson">> {
    const fresh = new Map<string, Contents["fresh"][number]>();
    for await (const { digest, size } of this.#stage.blobs.list()) fresh.set(digest, { digest, size });
    for (const digest of this.#blobs.leased) {
      // What others took away meanwhile is needed here, and is still in the archive as it was opened.
      const found = (await this.#base.blobs?.stat(digest)) ? undefined : await this.#blobs.stat(digest);
      if (found && !fresh.has(digest)) fresh.set(digest, { digest, size: found.size });
    }
    return {
      before: this.#base.entries,
      index: this.#names.index,
      fresh: [...fresh.values()],
      removed: this.#blobs.removed,
      blobs: this.#blobs,
    };
  }

  #hold(base: Base): void {
    const archive = base.entries?.archive;
    if (archive) this.#files.push(archive.file);
    this.#seen = archive?.stat;
  }

  #write(): void {
    if (this.#readOnly) throw readOnlyError(this.#parts.path ?? "standard input");
    this.#dirty = true;
  }

  #makeStore(): Store {
    const { location } = this;
    const inner = repository(this.#blobs, this.#namesPort(), { location, unlisted: true });
    const mount = async (descriptor: Descriptor, from?: Location, signal: Signal = {}): Promise<"mounted" | false> => {
      if (from?.medium !== "layout") return false;
      const source = new DirectoryBlobs(from.path, { disk: this.#parts.disk, readOnly: true });
      return (await this.#blobs.link(descriptor.digest, source, signal)) ? "mounted" : false;
    };
    return decorate(inner, { mount, [Symbol.asyncDispose]: () => this[Symbol.asyncDispose]() });
  }

  /** The names as they are at each moment. */
  #namesPort(): Names {
    return {
      get: (tag) => this.#names.get(tag),
      manifest: (digest, options) => this.#names.manifest(digest, options),
      tags: (page) => this.#names.tags(page),
      referrers: (subject, options) => this.#names.referrers(subject, options),
      parents: (child, options) => this.#names.parents(child, options),
      update: async (changes: readonly Change[], options) => {
        if (this.#readOnly) this.#write();
        const before = this.#names.index;
        await this.#names.update(changes, options);
        if (this.#names.index !== before) this.#dirty = true;
      },
    };
  }
}

function digestsIn({ entries }: LayoutIndex): ReadonlySet<Digest> {
  return new Set(entries.map(({ descriptor }) => descriptor.digest));
}

function isSame(left: EntryStat | undefined, right: EntryStat | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return (
    left.inode === right.inode &&
    left.device === right.device &&
    left.size === right.size &&
    left.modifiedNs === right.modifiedNs
  );
}

/** @throws OciError NAME_UNKNOWN */
export function noArchive(path: string): OciError {
  return new OciError("NAME_UNKNOWN", `There is no archive at ${JSON.stringify(path)}: the file does not exist`);
}
