import { join } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { withLock } from "../disk/lock.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { LayoutIndexView } from "../spec/layout-index-view.ts";
import type { Signal } from "../store/content.ts";
import type { Change, Names, Page, Referrer, ReferrersOptions, Tag } from "../store/names.ts";
import { IndexBatch } from "./index-json-batch.ts";
import { type ManifestBytes, ManifestReader } from "./index-json-facts.ts";
import { IndexFile } from "./index-json-file.ts";
import { findManifest, listTags } from "./index-json-lookup.ts";
import { findParents } from "./index-json-parents.ts";
import { findReferrers } from "./index-json-referrers.ts";

export interface IndexJsonOptions {
  readonly bytes: ManifestBytes;
  readonly disk?: Disk;
  /** Called before anything is written; makes the directory what it has to be, or refuses. */
  readonly prepare?: () => Promise<void>;
  /** Called when there is no index.json: throws unless that is right. */
  readonly onAbsent?: () => Promise<void>;
  /** Milliseconds to wait for other processes that write; 60,000 by default. */
  readonly lockTimeout?: number;
}

interface Request {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Names in a layout's index.json. Readers need no lock, since the file is only ever
 * replaced. Writers take the layout's lock, read again, apply, replace; those of one
 * process that wait at the same time share one rewrite.
 */
export class IndexJsonNames implements Names {
  readonly #disk: Disk;
  readonly #options: IndexJsonOptions;
  readonly #lock: string;
  readonly #file: IndexFile;
  readonly #reader: ManifestReader;
  readonly #waiting = new Set<Request>();
  #flushing = false;
  /** Ends the wait for the lock when everybody who waited has given up. */
  #flush = new AbortController();

  constructor(root: string, options: IndexJsonOptions) {
    this.#disk = options.disk ?? nodeDisk;
    this.#options = options;
    this.#lock = join(root, ".berth", "lock");
    this.#file = new IndexFile(this.#disk, root, async () => options.onAbsent?.());
    this.#reader = new ManifestReader(options.bytes);
  }

  /** Looks index.json up as it is now. @throws OciError LAYOUT_INVALID, IO */
  view(): Promise<LayoutIndexView> {
    return this.#file.load();
  }

  async get(tag: string): Promise<Descriptor | undefined> {
    const entry = (await this.view()).named(tag);
    return entry && bareDescriptor(entry.descriptor);
  }

  async manifest(digest: Digest, options: Signal = {}): Promise<Descriptor | undefined> {
    return await findManifest(await this.view(), this.#reader, digest, options);
  }

  async *tags(options: Page = {}): AsyncGenerator<Tag, void, undefined> {
    yield* listTags(await this.view(), options);
  }

  async *referrers(subject: Descriptor, options: ReferrersOptions = {}): AsyncGenerator<Referrer, void, undefined> {
    yield* findReferrers(await this.view(), this.#reader, subject.digest, options);
  }

  async *parents(child: Digest, options: Signal = {}): AsyncGenerator<Descriptor, void, undefined> {
    yield* await findParents(await this.view(), this.#reader, child, options);
  }

  async update(changes: readonly Change[], options: Signal = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const request: Request = { changes, resolve, reject };
    this.#waiting.add(request);
    // Once its batch is being written, a change is finished rather than left in doubt.
    const abort = (): void => {
      if (!this.#waiting.delete(request)) return;
      reject(options.signal?.reason);
      if (this.#waiting.size === 0) this.#flush.abort();
    };
    options.signal?.addEventListener("abort", abort, { once: true });
    if (!this.#flushing) void this.#writeAll();
    try {
      await promise;
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
  }

  /** Writes until nobody waits. It never throws: what fails is told to those who wait. */
  async #writeAll(): Promise<void> {
    this.#flushing = true;
    while (this.#waiting.size > 0) {
      let batch: Request[] = [];
      this.#flush = new AbortController();
      try {
        await this.#options.prepare?.();
        const work = async (): Promise<void> => {
          batch = this.#take();
          if (batch.length > 0) await this.#write(batch);
        };
        await withLock(this.#disk, this.#lock, work, {
          timeout: this.#options.lockTimeout,
          signal: this.#flush.signal,
        });
      } catch (error) {
        // Nobody waits for a lock that everybody gave up on; who came since then is served in the next round.
        if (batch.length === 0 && this.#flush.signal.aborted) continue;
        for (const request of batch.length > 0 ? batch : this.#take()) request.reject(error);
      }
    }
    this.#flushing = false;
  }

  #take(): Request[] {
    const batch = [...this.#waiting];
    this.#waiting.clear();
    return batch;
  }

  async #write(requests: readonly Request[]): Promise<void> {
    const view = await this.view();
    const batch = new IndexBatch(view.index, this.#reader);
    const accepted: Request[] = [];
    for (const request of requests) {
      try {
        batch.check(request.changes);
      } catch (error) {
        request.reject(error);
        continue;
      }
      await batch.apply(request.changes);
      accepted.push(request);
    }
    const index = await batch.finish();
    if (batch.edit.changed) await this.#file.save(index);
    else await this.#file.sync();
    await batch.settle();
    for (const request of accepted) request.resolve();
  }
}
