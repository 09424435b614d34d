import { userInfo } from "node:os";
import { DirectoryBlobs, type DirectoryOptions } from "../blobs/directory.ts";
import type { EntryStat } from "../disk/disk.ts";
import { discard } from "../disk/small-file.ts";
import type { Digest } from "../spec/digest.ts";

export interface DepotBlobsOptions extends DirectoryOptions {
  /** Called when a blob has come in and is durable. */
  readonly onPublish: (digest: Digest) => void;
}

/** Permission bits of files that nobody writes to again. */
const READ_ONLY = 0o444;

/** The blobs of one repository of a depot. Those of its neighbours can be shared without reading them. */
export class DepotBlobs extends DirectoryBlobs {
  readonly #onPublish: (digest: Digest) => void;
  /** The last change of each blob that is being replaced or removed. */
  readonly #turns = new Map<Digest, Promise<void>>();

  constructor(root: string, { onPublish, ...options }: DepotBlobsOptions) {
    super(root, options);
    this.#onPublish = onPublish;
  }

  override async publish(id: string, digest: Digest): Promise<void> {
    await super.publish(id, digest);
    this.#onPublish(digest);
  }

  override async remove(digest: Digest): Promise<void> {
    await this.#inTurn(digest, () => super.remove(digest));
  }

  /**
   * Takes a blob from another repository of the same depot by a hard link, if its file is ours and nobody writes to
   * it: it was checked when it came there. False: cannot be linked.
   */
  async share(digest: Digest, source: DepotBlobs): Promise<boolean> {
    if (!isSharable(await source.lstat(digest))) return false;
    await this.ready();
    return await this.#linkTo(digest, source, async (id) => {
      await this.publish(id, digest);
      return true;
    });
  }

  /**
   * Makes a blob the same file as a neighbour's that is known to be equal. It never makes a blob appear: when ours
   * has changed since it was looked at, nothing happens.
   * @param seen our file as it was when the two were compared
   */
  async unite(digest: Digest, source: DepotBlobs, seen: EntryStat): Promise<boolean> {
    if (!isSharable(await source.lstat(digest))) return false;
    return await this.#linkTo(digest, source, (id) =>
      this.#inTurn(digest, async () => {
        const now = await this.lstat(digest);
        if (now === undefined || !isSameFile(now, seen)) return false;
        await this.disk.rename(this.staging.path(id), this.path(digest));
        return true;
      }),
    );
  }

  async #linkTo(digest: Digest, source: DepotBlobs, use: (id: string) => Promise<boolean>): Promise<boolean> {
    await this.staging.prepare();
    const id = this.staging.newId();
    try {
      if (!(await this.disk.link(source.path(digest), this.staging.path(id)))) return false;
      if (!isSharable(await this.disk.lstat(this.staging.path(id)))) return false;
      return await use(id);
    } finally {
      // Also after a rename: it does nothing between two names of one file.
      await discard(this.disk, this.staging.path(id));
    }
  }

  async #inTurn<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(digest) ?? Promise.resolve();
    const turn = Promise.withResolvers<void>();
    const end = before.then(() => turn.promise);
    this.#turns.set(digest, end);
    try {
      await before;
      return await work();
    } finally {
      turn.resolve();
      if (this.#turns.get(digest) === end) this.#turns.delete(digest);
    }
  }
}

/** Others' files, and files that can be written to, may be changed in place: they are never shared. */
export function isSharable(stat: EntryStat | undefined): stat is EntryStat {
  return stat?.type === "file" && stat.mode === READ_ONLY && stat.uid === userInfo().uid;
}

export function isSameFile(left: EntryStat, right: EntryStat): boolean {
  return left.device === right.device && left.inode === right.inode;
}
