import { OciError } from "../error/oci-error.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";
import type { Blobs, LeaseOption, Upload } from "../store/blobs.ts";
import type { Content, Range, Signal } from "../store/content.ts";

/** What comes and goes, over what an archive holds already. */
export class OverlayBlobs implements Blobs {
  readonly #upper: Blobs;
  readonly #write: () => void;
  #lower: readonly Blobs[];
  readonly #removed = new Set<Digest>();
  /** What the callers rely on: it has to be in what is written, also when somebody else took it away meanwhile. */
  readonly #leased = new Set<Digest>();

  /** @param write called before anything is written; refuses where nothing may be */
  constructor(upper: Blobs, lower: readonly Blobs[], write: () => void) {
    this.#upper = upper;
    this.#lower = lower;
    this.#write = write;
  }

  get removed(): ReadonlySet<Digest> {
    return this.#removed;
  }

  get leased(): ReadonlySet<Digest> {
    return this.#leased;
  }

  /** Relies on a blob, whoever took it away. False: it is gone. */
  async rely(digest: Digest): Promise<boolean> {
    this.#removed.delete(digest);
    if (!(await this.stat(digest))) return false;
    this.#leased.add(digest);
    return true;
  }

  /** Puts a newer archive over the one it was opened with. */
  rebase(newer: Blobs): void {
    this.#lower = [newer, ...this.#lower];
  }

  async stat(digest: Digest, options: LeaseOption = {}): Promise<{ readonly size: number } | undefined> {
    const staged = await this.#upper.stat(digest, options);
    if (staged) return staged;
    const found = await (await this.#below(digest))?.stat(digest);
    if (found && options.lease) this.#leased.add(digest);
    return found;
  }

  async open(digest: Digest, options: { readonly range?: Range } & Signal = {}): Promise<Content> {
    if (await this.#upper.stat(digest)) return await this.#upper.open(digest, options);
    const below = (await this.#below(digest)) ?? this.#upper;
    return await below.open(digest, options);
  }

  async stage(options: { readonly algorithm?: Algorithm } & Signal = {}): Promise<Upload> {
    this.#write();
    return await this.#upper.stage(options);
  }

  async resume(id: string, options: Signal = {}): Promise<Upload> {
    this.#write();
    return await this.#upper.resume(id, options);
  }

  async link(digest: Digest, from: Blobs, options: Signal = {}): Promise<boolean> {
    this.#write();
    return (await this.#upper.link?.(digest, from, options)) ?? false;
  }

  async remove(digest: Digest, options: Signal = {}): Promise<void> {
    this.#write();
    await this.#upper.remove(digest, options);
    this.#leased.delete(digest);
    this.#removed.add(digest);
  }

  async *list(
    options: Signal = {},
  ): AsyncGenerator<{ readonly digest: Digest; readonly size: number; readonly touchedAt: Date }, void, undefined> {
    const seen = new Set<Digest>(this.#removed);
    for (const blobs of [this.#upper, ...this.#lower]) {
      for await (const blob of blobs.list(options)) {
        if (blobs !== this.#upper && seen.has(blob.digest)) continue;
        seen.add(blob.digest);
        yield blob;
      }
    }
  }

  async #below(digest: Digest): Promise<Blobs | undefined> {
    if (this.#removed.has(digest)) return undefined;
    for (const blobs of this.#lower) if (await blobs.stat(digest)) return blobs;
    return undefined;
  }
}

/** The error of a write where there is only reading. */
export function readOnlyError(path: string): OciError {
  return new OciError("UNSUPPORTED", `The archive ${JSON.stringify(path)} was opened for reading only`);
}
