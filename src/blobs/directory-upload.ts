import type { Bytes } from "../bytes/bytes.ts";
import { Digester } from "../bytes/hash.ts";
import type { DiskFile } from "../disk/disk.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type Algorithm, computableAlgorithm, type Digest } from "../spec/digest.ts";
import type { AppendOptions, Upload } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import { digestFile } from "./directory-content.ts";
import { EarlyFlush } from "./directory-flush.ts";
import { Gatherer } from "./directory-gather.ts";

/** What an upload asks of the directory that it is for. */
export interface UploadOwner {
  /** Puts the staged file, durable and read-only, in its place. */
  publish(id: string, digest: Digest): Promise<void>;
  /** Makes room on a full disk; false: nothing could be given up. */
  reclaim(): Promise<boolean>;
  /** Removes the staged file. */
  discard(id: string): Promise<void>;
  /** Keeps what would be lost with this object: the hash state cannot be saved to disk. */
  suspend(id: string, digester: Digester): void;
}

/** A staged file on its way to become a blob. */
export class DirectoryUpload implements Upload {
  readonly id: string;
  readonly #owner: UploadOwner;
  readonly #file: DiskFile;
  readonly #algorithm: Algorithm;
  readonly #flush: EarlyFlush;
  #offset: number;
  /** Has seen exactly the first #offset bytes; undefined: has to be made by reading the file. */
  #digester: Digester | undefined;
  #busy = false;
  #ended = false;

  constructor(
    id: string,
    owner: UploadOwner,
    file: DiskFile,
    state: { readonly size: number; readonly algorithm: Algorithm; readonly digester: Digester | undefined },
  ) {
    this.id = id;
    this.#owner = owner;
    this.#file = file;
    this.#flush = new EarlyFlush(file);
    this.#offset = state.size;
    this.#algorithm = state.algorithm;
    this.#digester = state.digester ?? (state.size === 0 ? new Digester(state.algorithm) : undefined);
  }

  get offset(): number {
    return this.#offset;
  }

  async append(bytes: Bytes, at: number, options: AppendOptions = {}): Promise<number> {
    return await this.#alone(async () => {
      if (at !== this.#offset) {
        throw new OciError("RANGE_INVALID", `The upload holds ${this.#offset} bytes, but the next ones begin at ${at}`);
      }
      this.#digester ??= await digestFile(this.#file, this.#offset, this.#algorithm, options.signal);
      await this.#take(bytes, options);
      return this.#offset;
    });
  }

  /** What came of a stream that breaks off is kept. */
  async #take(bytes: Bytes, { signal, release }: AppendOptions): Promise<void> {
    await using gatherer = new Gatherer((chunk) => this.#write(chunk));
    try {
      for await (const chunk of bytes) {
        signal?.throwIfAborted();
        const taken = gatherer.take(chunk);
        if (taken) await taken;
        release?.(chunk);
      }
    } catch (error) {
      // The first failure is the one to tell.
      await gatherer.flush().catch(() => undefined);
      throw error;
    }
    await gatherer.flush();
  }

  async commit(digest: Digest, options: Signal = {}): Promise<Descriptor> {
    return await this.#alone(async () => {
      options.signal?.throwIfAborted();
      const algorithm = computableAlgorithm(digest);
      const digester =
        this.#digester?.algorithm === algorithm
          ? this.#digester
          : await digestFile(this.#file, this.#offset, algorithm, options.signal);
      this.#ended = true;
      const actual = digester.digest();
      try {
        if (actual !== digest) {
          throw new OciError("DIGEST_INVALID", `The content sent as ${digest} has the digest ${actual}`, {
            digest,
            hint: "It was damaged or replaced on the way; fetch it again from its origin",
          });
        }
        await this.#file.chmod(0o444);
        await this.#flush.finish();
        await this.#owner.publish(this.id, digest);
      } catch (error) {
        await this.#flush.settle();
        await this.#owner.discard(this.id);
        throw error;
      } finally {
        await this.#file.close();
      }
      return { mediaType: "application/octet-stream", digest, size: this.#offset };
    });
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#flush.settle();
    await this.#owner.discard(this.id);
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#flush.settle();
    if (this.#flush.failed) await this.#owner.discard(this.id);
    else if (this.#digester) this.#owner.suspend(this.id, this.#digester);
    await this.#file[Symbol.asyncDispose]();
  }

  /** Writes and hashes at the same time. */
  async #write(chunk: Uint8Array): Promise<void> {
    const written = this.#put(chunk);
    // Handled below; hashing must not leave it unobserved meanwhile.
    written.catch(() => undefined);
    this.#digester?.update(chunk);
    try {
      await written;
    } catch (error) {
      // Part of the chunk may be there: what is behind the offset goes, and the hash has seen too much.
      this.#digester = undefined;
      await this.#file.truncate(this.#offset).catch(() => undefined);
      throw error;
    }
    this.#offset += chunk.length;
    this.#flush.wrote(chunk.length);
  }

  async #put(chunk: Uint8Array): Promise<void> {
    try {
      await this.#file.write(chunk, this.#offset);
    } catch (error) {
      if (!isOciError(error, "NO_SPACE") || !(await this.#owner.reclaim())) throw error;
      await this.#file.write(chunk, this.#offset);
    }
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ended) throw new OciError("BLOB_UPLOAD_UNKNOWN", `The upload ${this.id} has ended`);
    if (this.#busy) throw new OciError("BLOB_UPLOAD_INVALID", `The upload ${this.id} has a writer already`);
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}
