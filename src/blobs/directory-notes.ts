import { join } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { type LockOptions, withLock } from "../disk/lock.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { readSmallFile, replaceFile } from "../disk/small-file.ts";
import { isOciError } from "../error/oci-error.ts";
import { encodeJson, isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";

/** Small documents in `.berth` below a root: what one run tells the next one, and a lock for each. */
export class DirectoryNotes {
  readonly #directory: string;
  readonly #disk: Disk;

  constructor(root: string, disk: Disk) {
    this.#directory = join(root, ".berth");
    this.#disk = disk;
  }

  /** Undefined: there is none, or none that can be read; whoever asks begins anew then. */
  async recall(name: string): Promise<JsonObject | undefined> {
    try {
      const path = join(this.#directory, `${name}.json`);
      const found = await readSmallFile(this.#disk, path, Limits.note, "note");
      const document = found && parseJson(found.bytes, `${name}.json`);
      return isJsonObject(document) ? document : undefined;
    } catch (error) {
      if (isOciError(error, "LAYOUT_INVALID", "MANIFEST_INVALID")) return undefined;
      throw error;
    }
  }

  async record(name: string, document: JsonObject): Promise<void> {
    await makeDirectories(this.#disk, this.#directory);
    const temporary = join(this.#directory, `${name}.json.new`);
    const path = join(this.#directory, `${name}.json`);
    await replaceFile(this.#disk, path, { temporary, directory: this.#directory }, encodeJson(document));
  }

  /** @throws OciError LOCKED when another process is at it until the timeout */
  async alone<T>(name: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
    await makeDirectories(this.#disk, this.#directory);
    return await withLock(this.#disk, join(this.#directory, `${name}.lock`), work, options);
  }
}
