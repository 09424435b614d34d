import { DirectoryBlobs, type DirectoryOptions } from "../blobs/directory.ts";
import type { EntryStat } from "../disk/disk.ts";
import { ownUser } from "../disk/own-user.ts";
import { discard } from "../disk/small-file.ts";
import type { Digest } from "../spec/digest.ts";
import type { Turns } from "../store/turns.ts";

export interface DepotBlobsOptions extends DirectoryOptions {
  /** Called when a blob has come in and is durable. */
  readonly onPublish: (digest: Digest) => void;
  /** Orders the removal of a file and its replacement by an equal one. */
  readonly turns: Turns;
}

/** Permission bits of files that nobody writes to again. */
const READ_ONLY = 0o444;

/** The blobs of one repository of a depot. Those of its neighbours can be shared without reading them. */
export class DepotBlobs extends DirectoryBlobs {
  readonly #onPublish: (digest: Digest) => void;
  readonly #turns: Turns;

  constructor(root: string, { onPublish, turns, ...options }: DepotBlobsOptions) {
    super(root, options);
    this.#onPublish = onPublish;
    this.#turns = turns;
  }

  override async publish(id: string, digest: Digest): Promise<void> {
    await super.publish(id, digest);
    this.#onPublish(digest);
  }

  override async remove(digest: Digest): Promise<void> {
    await this.#turns.take(this.path(digest), () => super.remove(digest));
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
   * Makes a blob the same file as a neighbour's, if the two prove equal. It never makes a blob appear: when ours
   * has changed since it was looked at, nothing happens. False: they cannot be one file.
   * @param seen our file as it was looked at
   * @param isEqual called once it is clear that a link can be made; the time that a comparison takes is well spent then
   */
  async unite(digest: Digest, source: DepotBlobs, seen: EntryStat, isEqual: () => Promise<boolean>): Promise<boolean> {
    return await this.#linkTo(digest, source, async (id) => {
      const path = this.staging.path(id);
      if (!(await isEqual())) return false;
      return await this.#turns.take(this.path(digest), async () => {
        const now = await this.lstat(digest);
        if (now === undefined || !isSameFile(now, seen)) return false;
        // Whoever relies on ours counts on its age, which may be less than the other's.
        await this.disk.touch(path);
        await this.disk.rename(path, this.path(digest));
        return true;
      });
    });
  }

  async #linkTo(digest: Digest, source: DepotBlobs, use: (id: string) => Promise<boolean>): Promise<boolean> {
    await this.staging.prepare();
    const id = this.staging.newId();
    const path = this.staging.path(id);
    try {
      if (!(await this.disk.link(source.path(digest), path))) return false;
      return isSharable(await this.disk.lstat(path)) && (await use(id));
    } finally {
      // Also after a rename: it does nothing between two names of one file.
      await discard(this.disk, path);
    }
  }
}

/** Others' files, and files that can be written to, may be changed in place: they are never shared. */
export function isSharable(stat: EntryStat | undefined): stat is EntryStat {
  return stat?.type === "file" && stat.mode === READ_ONLY && stat.uid === ownUser();
}

export function isSameFile(left: EntryStat, right: EntryStat): boolean {
  return left.device === right.device && left.inode === right.inode;
}
