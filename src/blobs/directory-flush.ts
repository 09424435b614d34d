import type { DiskFile } from "../disk/disk.ts";

/**
 * Bytes written before they are sent on their way to the disk, while more are being written: of a large file more at a time.
 * Files that are written side by side end at about the same time; with much left of each, all would wait for the disk then, and
 * nothing be read.
 */
const LEAST = 8 * 1024 * 1024;
const MOST = 64 * 1024 * 1024;

/**
 * Makes a growing file durable while it grows, so that the end of a large one need not wait for
 * all of it. A failure is kept and thrown at the next look: after it nobody knows what is on
 * the disk, and asking again would only be told that all is well.
 */
export class EarlyFlush {
  readonly #file: DiskFile;
  #written = 0;
  #open = 0;
  #underWay: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** So many more bytes are in the file. @throws OciError IO, NO_SPACE of an earlier flush */
  wrote(bytes: number): void {
    if (this.#failure) throw this.#failure.error;
    this.#written += bytes;
    this.#open += bytes;
    const step = Math.min(Math.max(this.#written / 4, LEAST), MOST);
    if (this.#open < step || this.#underWay) return;
    this.#open = 0;
    this.#underWay = this.#file.datasync().then(
      () => {
        this.#underWay = undefined;
      },
      (error: unknown) => {
        this.#underWay = undefined;
        this.#failure = { error };
      },
    );
  }

  /** Waits for what is under way; before the file may be closed. */
  async settle(): Promise<void> {
    await this.#underWay;
  }

  /** The rest of the file. @throws OciError IO, NO_SPACE */
  async finish(): Promise<void> {
    await this.#underWay;
    if (this.#failure) throw this.#failure.error;
    await this.#file.datasync();
  }
}
