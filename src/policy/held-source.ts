import { collect } from "../bytes/collect.ts";
import type { Bytes } from "../bytes/bytes.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import type { Referrer } from "../store/names.ts";
import type { FetchOptions, Source } from "../store/store.ts";
import { successors } from "../store/successors.ts";
import { eachOf } from "../transfer/workers.ts";

/** Bytes that are kept while one decision is made. */
const HELD = 64 * 1024 * 1024;
/** A blob that is fetched before anybody asks: signatures are this small, and mostly SBOMs as well. */
const SMALL = 1024 * 1024;
/** Referrers fetched at a time, and at most before anybody asks. */
const AT_A_TIME = 16;
const AHEAD = 256;

/**
 * A source that is asked for each thing once while one decision is made: several rules look at the same signatures. What
 * hangs on a manifest is fetched together, rather than one after the other as it is read.
 */
export class HeldSource implements Pick<Source, "fetch" | "referrers"> {
  readonly #source: Pick<Source, "fetch" | "referrers">;
  readonly #signal: Signal;
  readonly #contents = new Map<string, Promise<Uint8Array>>();
  readonly #referrers = new Map<Digest, Promise<readonly Referrer[]>>();
  #size = 0;

  constructor(source: Pick<Source, "fetch" | "referrers">, options: Signal) {
    this.#source = source;
    this.#signal = options.signal ? { signal: options.signal } : {};
  }

  async *fetch(descriptor: Descriptor, options: FetchOptions = {}): Bytes {
    const { kind = "manifest" } = options;
    const key = `${kind} ${descriptor.digest} ${descriptor.size}`;
    let held = this.#contents.get(key);
    if (!held) {
      if (descriptor.size > Limits.manifest || this.#size + descriptor.size > HELD) {
        yield* this.#source.fetch(descriptor, { ...options, ...this.#signal });
        return;
      }
      this.#size += descriptor.size;
      held = collect(this.#source.fetch(descriptor, { kind, ...this.#signal }), descriptor.size, key);
      this.#contents.set(key, held);
    }
    // Chunks belong to the receiver.
    yield Buffer.from(await held);
  }

  async *referrers(subject: Descriptor): AsyncIterable<Referrer> {
    const listed = this.#referrers.get(subject.digest) ?? this.#list(subject);
    this.#referrers.set(subject.digest, listed);
    yield* await listed;
  }

  async #list(subject: Descriptor): Promise<readonly Referrer[]> {
    const listed: Referrer[] = [];
    for await (const referrer of this.#source.referrers(subject, this.#signal)) listed.push(referrer);
    await eachOf(listed.slice(0, AHEAD), AT_A_TIME, ({ descriptor }) => this.#fetchAhead(descriptor));
    return listed;
  }

  /** What goes wrong is told to whoever asks for it. */
  async #fetchAhead(descriptor: Descriptor): Promise<void> {
    if (descriptor.size > Limits.manifest) return;
    try {
      const bytes = await collect(this.fetch(descriptor), Limits.manifest, "manifest");
      const blobs = successors(descriptor, bytes).filter(
        ({ role, descriptor: { size } }) => role === "layer" && size <= SMALL,
      );
      for (const { descriptor: each } of blobs) {
        await collect(this.fetch(each, { kind: "blob" }), SMALL, "blob");
      }
    } catch {
      this.#signal.signal?.throwIfAborted();
    }
  }
}
