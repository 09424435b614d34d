import { randomBytes } from "node:crypto";
import { readlink, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import { Digester } from "../bytes/hash.ts";
import type { Disk, EntryStat } from "../disk/disk.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import type { StagedEntry } from "./staged.ts";

const CHUNK = 1024 * 1024;
const KINDS = {
  file: "a file",
  directory: "a directory",
  symlink: "a symbolic link",
  other: "a special file",
} as const;

/** What stands where an entry is to go. */
export type Found = "nothing" | "same" | "other";

function refused(parts: readonly string[], found: string): OciError {
  const path = JSON.stringify(parts.join("/"));
  return new OciError("FILE_INVALID", `Refused to write ${path}: ${found} is in its place`, {
    hint: "Move it away, or choose another output directory",
  });
}

/**
 * The directory a pull writes to. What it writes is staged in a directory of its
 * own inside, so that it lands by a rename; nothing is ever written through a
 * symbolic link below the output directory.
 */
export class OutputDirectory implements AsyncDisposable {
  /** Absolute, without links. */
  readonly root: string;
  readonly #disk: Disk;
  /** Directories whose names changed. */
  readonly #touched = new Set<string>();
  /** Made by us: an empty one is not left behind. */
  readonly #made: boolean;
  #staging: Promise<string> | undefined;

  private constructor(root: string, disk: Disk, made: boolean) {
    this.root = root;
    this.#disk = disk;
    this.#made = made;
  }

  /**
   * Makes the directory where it is missing; its own path may go through links.
   * @throws OciError FILE_INVALID when it is no directory, IO
   */
  static async open(path: string, disk: Disk): Promise<OutputDirectory> {
    const found = await realpath(path).catch(() => undefined);
    if (found === undefined) await makeDirectories(disk, resolve(path));
    const root = found ?? (await realpath(path));
    const stat = await disk.lstat(root);
    if (stat?.type !== "directory") {
      throw new OciError("FILE_INVALID", `Cannot write into ${JSON.stringify(path)}: it is not a directory`);
    }
    return new OutputDirectory(root, disk, found === undefined);
  }

  /** A fresh directory to stage one layer in. */
  async stagingFor(): Promise<string> {
    this.#staging ??= this.#makeStaging();
    const path = join(await this.#staging, randomBytes(8).toString("hex"));
    await this.#disk.mkdir(path);
    return path;
  }

  /**
   * Writes a new file and makes its content durable.
   * @returns its digest and size
   */
  async write(
    path: string,
    bytes: Bytes,
    options: { readonly executable?: boolean } = {},
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const file = await this.#disk.open(path, "create");
    if (file === undefined) throw new OciError("IO", `Cannot create ${path}`);
    await using open = file;
    const digester = new Digester();
    for await (const chunk of bytes) {
      await open.write(chunk, digester.size);
      digester.update(chunk);
    }
    if (options.executable === true) {
      const { mode } = await open.stat();
      // Whoever may read it may run it: what the user's mask took away stays away.
      await open.chmod(mode | ((mode & 0o444) >> 2));
    }
    await open.datasync();
    return { digest: digester.digest(), size: digester.size };
  }

  /** Gives a staged file a second name. @throws OciError UNSUPPORTED where the file system has no hard links */
  async linkStaged(source: string, target: string): Promise<void> {
    if (await this.#disk.link(source, target)) return;
    throw new OciError("UNSUPPORTED", `Cannot unpack a hard link into ${this.root}: its file system has none`);
  }

  /**
   * Looks at the place of an entry.
   * @throws OciError FILE_INVALID when a link or something else that must not be replaced is in the way
   */
  async look(
    entry: Pick<StagedEntry, "type" | "parts"> & { digest?: Digest; size?: number; target?: string },
  ): Promise<Found> {
    const { type, parts } = entry;
    for (let length = 1; length < parts.length; length += 1) {
      const above = await this.#lstat(parts.slice(0, length));
      if (above === undefined) return "nothing";
      if (above.type !== "directory") throw refused(parts.slice(0, length), KINDS[above.type]);
    }
    const found = await this.#lstat(parts);
    if (found === undefined) return "nothing";
    if (found.type !== type) throw refused(parts, KINDS[found.type]);
    switch (type) {
      case "directory":
        return "same";
      case "symlink":
        return (await readlink(this.#path(parts))) === entry.target ? "same" : "other";
      case "file":
        return found.size === entry.size && (await this.#digest(parts)) === entry.digest ? "same" : "other";
    }
  }

  /**
   * Puts an entry in its place.
   * @param replace whether a differing file or link may be replaced
   * @throws OciError CONFLICT when there is one and it may not
   */
  async land(entry: StagedEntry, replace: boolean): Promise<"written" | "unchanged"> {
    // Looked at again right here: somebody may have put a link in the way since the check.
    const found = await this.look(entry);
    if (found === "same") return "unchanged";
    if (found === "other" && !replace) throw conflict([entry.parts.join("/")]);
    await this.#makeParents(entry.parts);
    const path = this.#path(entry.parts);
    this.#touched.add(dirname(path));
    switch (entry.type) {
      case "directory":
        await this.#disk.mkdir(path);
        break;
      case "symlink": {
        const staged = join(await this.stagingFor(), "link");
        await symlink(entry.target, staged);
        await this.#disk.rename(staged, path);
        break;
      }
      case "file":
        // A link cannot replace what came since the look; where none can be made, a rename has to do.
        if (found === "other" || !(await this.#disk.link(entry.path, path))) await this.#disk.rename(entry.path, path);
        break;
    }
    return "written";
  }

  /** Makes everything that landed durable. */
  async sync(): Promise<void> {
    for (const directory of this.#touched) await this.#disk.syncDirectory(directory);
    this.#touched.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const staging = await this.#staging?.catch(() => undefined);
    if (staging !== undefined) await rm(staging, { recursive: true, force: true });
    if (this.#made) await this.#disk.rmdir(this.root);
  }

  /** Inside, so that everything lands by a rename. */
  async #makeStaging(): Promise<string> {
    const path = join(this.root, `.berth-pull-${randomBytes(8).toString("hex")}`);
    await this.#disk.mkdir(path);
    return path;
  }

  #path(parts: readonly string[]): string {
    return join(this.root, ...parts);
  }

  #lstat(parts: readonly string[]): Promise<EntryStat | undefined> {
    return this.#disk.lstat(this.#path(parts));
  }

  async #makeParents(parts: readonly string[]): Promise<void> {
    for (let length = 1; length < parts.length; length += 1) {
      const above = parts.slice(0, length);
      const path = this.#path(above);
      if (await this.#disk.mkdir(path)) this.#touched.add(dirname(path));
      const made = await this.#lstat(above);
      if (made?.type !== "directory") throw refused(above, made ? KINDS[made.type] : "nothing");
    }
  }

  async #digest(parts: readonly string[]): Promise<Digest | undefined> {
    await using file = await this.#disk.open(this.#path(parts), "read");
    if (file === undefined) return undefined;
    const digester = new Digester();
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const size = await file.read(buffer, digester.size);
      digester.update(buffer.subarray(0, size));
      if (size < CHUNK) return digester.digest();
    }
  }
}

/** The one error for files that are in the way: with another content, or with any. */
export function conflict(paths: readonly string[], any = false): OciError {
  const shown = paths.slice(0, 5).map((path) => JSON.stringify(path));
  const more = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : "";
  const [reason, hint] = any
    ? [
        "there already",
        "Without --keep-old-files those with the same content stay, and with --force all are overwritten",
      ]
    : ["the content differs", "Use --force to overwrite, or choose another output directory"];
  return new OciError("CONFLICT", `Refused to overwrite ${shown.join(", ")}${more}: ${reason}`, { hint });
}
