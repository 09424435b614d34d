import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { arch, platform } from "node:os";
import { OciError } from "../error/oci-error.ts";
import type { DiskFile, EntryStat, EntryType } from "./disk.ts";
import { diskError } from "./error.ts";

interface FileLocks {
  tryLock(fd: number): boolean;
}

let locks: Promise<FileLocks> | undefined;

/** Loaded at the first lock, so that commands that only read do not pay for it. */
async function fileLocks(): Promise<FileLocks> {
  locks ??= load();
  return await locks;
}

async function load(): Promise<FileLocks> {
  try {
    return (await import("fs-native-extensions")).default;
  } catch (cause) {
    throw new OciError(
      "UNSUPPORTED",
      `Cannot write layouts on this machine: fs-native-extensions has no file lock for ${platform()}-${arch()} with this C library`,
      { cause, hint: "Use a glibc-based Linux, macOS or Windows; reading works everywhere" },
    );
  }
}

export function toStat(stats: BigIntStats, type: EntryType): EntryStat {
  return {
    type,
    size: Number(stats.size),
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    links: Number(stats.nlink),
    device: stats.dev,
    inode: stats.ino,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
  };
}

/** A file of the real file system. */
export class NodeFile implements DiskFile {
  readonly handle: FileHandle;
  readonly #path: string;

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.handle = handle;
  }

  async stat(): Promise<EntryStat> {
    const stats = await this.#call("look at", () => this.handle.stat({ bigint: true }));
    const type = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other";
    return toStat(stats, type);
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.#call("read", () =>
        this.handle.read(buffer, filled, buffer.length - filled, position + filled),
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#call("write", () =>
        this.handle.write(bytes, done, bytes.length - done, position + done),
      );
      done += bytesWritten;
    }
  }

  truncate(size: number): Promise<void> {
    return this.#call("shorten", () => this.handle.truncate(size));
  }

  chmod(mode: number): Promise<void> {
    return this.#call("protect", () => this.handle.chmod(mode));
  }

  datasync(): Promise<void> {
    return this.#call("make durable", () => this.handle.datasync());
  }

  async tryLock(): Promise<boolean> {
    const { tryLock } = await fileLocks();
    return await this.#call("lock", () => Promise.resolve(tryLock(this.handle.fd)));
  }

  close(): Promise<void> {
    return this.#call("close", () => this.handle.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.close();
    } catch {
      // It would hide the failure on whose way out this may be; see DiskFile.
    }
  }

  async #call<T>(operation: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      throw diskError(cause, operation, this.#path);
    }
  }
}
