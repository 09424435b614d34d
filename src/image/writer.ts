import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bytes, fromBuffer } from "../bytes/bytes.ts";
import { digestOf } from "../bytes/hash.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type Algorithm, algorithmOf, type Digest } from "../spec/digest.ts";
import { encodeJson, type JsonObject } from "../spec/json.ts";
import { isNonDistributable } from "../spec/media-type.ts";
import type { ContentSource, Signal } from "../store/content.ts";
import type { Source, Store } from "../store/store.ts";
import { fileBytes } from "../tar/file.ts";
import { Meter } from "../tar/measure.ts";
import type { OnImageEvent } from "./event.ts";

export interface WriterOptions extends Signal {
  readonly target: Store;
  /** Compute everything and write nothing. */
  readonly dryRun?: boolean;
  /** Of the digests of what is written; sha256 by default. */
  readonly algorithm?: Algorithm;
  /** Content of at most so many bytes is remembered, to be inlined where it is pointed at. None by default. */
  readonly dataMax?: number;
  readonly onEvent?: OnImageEvent;
}

/** Bytes between two events about them. */
const EVERY = 4 * 1024 * 1024;

/** Brings the parts of an image into its target: streams of unknown digest, known content, documents. */
export class ImageWriter {
  readonly #target: Store;
  readonly #dryRun: boolean;
  readonly #algorithm: Algorithm;
  readonly #dataMax: number;
  readonly #recent = new Map<Digest, Uint8Array>();
  readonly #signal: Signal;
  readonly #onEvent: OnImageEvent | undefined;
  #bytes = 0;
  #toldBytes = 0;

  constructor(options: WriterOptions) {
    this.#target = options.target;
    this.#dryRun = options.dryRun ?? false;
    this.#algorithm = options.algorithm ?? "sha256";
    this.#dataMax = options.dataMax ?? 0;
    this.#signal = options.signal ? { signal: options.signal } : {};
    this.#onEvent = options.onEvent;
  }

  /** Where everything goes. */
  get target(): Store {
    return this.#target;
  }

  /** Content that was written and is small enough to be inlined. */
  recent(digest: Digest): Uint8Array | undefined {
    return this.#recent.get(digest);
  }

  #remember(digest: Digest, bytes: Uint8Array): void {
    if (bytes.length <= this.#dataMax) this.#recent.set(digest, bytes);
  }

  async *#gathered(bytes: Bytes, finished: () => Descriptor): AsyncGenerator<Uint8Array, void, undefined> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of bytes) {
      size += chunk.length;
      if (size <= this.#dataMax) chunks.push(Uint8Array.from(chunk));
      yield chunk;
    }
    if (size <= this.#dataMax) this.#remember(finished().digest, Buffer.concat(chunks));
  }

  /** Writes a blob whose digest is only known at its end. */
  async stream(bytes: Bytes, mediaType: string): Promise<Descriptor> {
    const meter = new Meter(this.#algorithm);
    const finished = (): Descriptor => ({ mediaType, ...meter.result });
    const counted = this.#gathered(meter.measure(this.#counted(bytes)), finished);
    if (this.#dryRun) {
      for await (const _chunk of counted);
      return finished();
    }
    // A registry is asked first whether it has the blob, and an upload to it may have to start anew: both need the whole blob.
    if (!this.#target.stage || this.#target.location.medium === "registry") return this.#spool(counted, finished);
    await using upload = await this.#target.stage({ algorithm: this.#algorithm, ...this.#signal });
    try {
      await upload.append(counted, 0, this.#signal);
      await upload.commit(finished().digest, this.#signal);
    } catch (error) {
      await upload.abort();
      throw error;
    }
    this.#done("blob", finished(), false);
    return finished();
  }

  async #spool(bytes: Bytes, finished: () => Descriptor): Promise<Descriptor> {
    const directory = await mkdtemp(join(tmpdir(), "berth-layer-"));
    try {
      const path = join(directory, "blob");
      await using handle = await open(path, "wx", 0o600);
      for await (const chunk of bytes) await handle.writeFile(chunk);
      await this.blob(finished(), (options) => fileBytes(path, { ...options, ...this.#signal }));
      return finished();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Writes a blob of known digest; nothing moves where it is there already. */
  async blob(descriptor: Descriptor, source: ContentSource): Promise<void> {
    if (this.#dryRun) return;
    const { existed } = await this.#target.push(descriptor, source, { kind: "blob", ...this.#signal });
    this.#done("blob", descriptor, existed);
  }

  /** Brings a blob over under a digest of the algorithm written with. */
  async rehash(descriptor: Descriptor, source: Source): Promise<Pick<Descriptor, "digest" | "size">> {
    if (algorithmOf(descriptor.digest) === this.#algorithm) {
      await this.carry(descriptor, source);
      return descriptor;
    }
    return this.stream(source.fetch(descriptor, { kind: "blob", ...this.#signal }), descriptor.mediaType);
  }

  /** Brings a blob over from a source: it is there, or mounted, or copied. Foreign layers stay where they are. */
  async carry(descriptor: Descriptor, source: Source): Promise<void> {
    if (this.#dryRun || isNonDistributable(descriptor.mediaType)) return;
    if (await this.#target.exists(descriptor, { kind: "blob", ...this.#signal })) {
      return this.#done("blob", descriptor, true);
    }
    const mounted = await this.#target.mount?.(descriptor, source.location, this.#signal);
    if (mounted === "mounted") return this.#done("blob", descriptor, false);
    if (mounted) await mounted.abort();
    await this.blob(descriptor, ({ offset = 0 } = {}) =>
      this.#counted(source.fetch(descriptor, { kind: "blob", offset, ...this.#signal })),
    );
  }

  /** Writes a JSON blob: a configuration. */
  async json(document: JsonObject, mediaType: string): Promise<Descriptor> {
    const bytes = encodeJson(document);
    const descriptor: Descriptor = { mediaType, digest: digestOf(bytes, this.#algorithm), size: bytes.length };
    this.#remember(descriptor.digest, bytes);
    await this.blob(descriptor, ({ offset = 0 } = {}) => fromBuffer(bytes.subarray(offset)));
    return descriptor;
  }

  /**
   * Writes a manifest. What makes it findable follows: a tag, a parent, or the flag.
   * @param listed the medium shall list it on its own
   */
  async manifest(
    document: JsonObject,
    mediaType: string,
    listed: boolean,
  ): Promise<{ descriptor: Descriptor; subjectHandled: boolean }> {
    const bytes = encodeJson(document);
    const descriptor: Descriptor = { mediaType, digest: digestOf(bytes, this.#algorithm), size: bytes.length };
    this.#remember(descriptor.digest, bytes);
    if (this.#dryRun) return { descriptor, subjectHandled: true };
    const pushed = await this.#target.push(descriptor, ({ offset = 0 } = {}) => fromBuffer(bytes.subarray(offset)), {
      kind: "manifest",
      listed,
      ...this.#signal,
    });
    this.#done("manifest", descriptor, pushed.existed);
    return { descriptor, subjectHandled: pushed.subjectHandled };
  }

  /**
   * Moves tags to the finished image, in one batch, last of all.
   * @param expect what they have to point at until then
   * @throws OciError CONFLICT
   */
  async name(descriptor: Descriptor, tags: readonly string[], expect?: Digest): Promise<void> {
    if (this.#dryRun || tags.length === 0) return;
    await this.#target.update(
      tags.map((tag) => ({ tag, to: descriptor, ...(expect === undefined ? {} : { expect }) })),
      this.#signal,
    );
  }

  async *#counted(bytes: Bytes): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of bytes) {
      this.#bytes += chunk.length;
      if (this.#bytes - this.#toldBytes >= EVERY) this.#tell();
      yield chunk;
    }
    this.#tell();
  }

  #tell(): void {
    this.#toldBytes = this.#bytes;
    this.#onEvent?.({ type: "layers", bytes: this.#bytes });
  }

  #done(kind: "manifest" | "blob", descriptor: Descriptor, existed: boolean): void {
    this.#onEvent?.({ type: "written", kind, descriptor, existed });
  }
}
