import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { LayoutIndex } from "../spec/layout-index.ts";
import { LayoutIndexView } from "../spec/layout-index-view.ts";
import type { Signal } from "../store/content.ts";
import type { Change, Names, Page, Referrer, ReferrersOptions, Tag } from "../store/names.ts";
import { IndexBatch } from "./index-json-batch.ts";
import { type ManifestBytes, ManifestReader } from "./index-json-facts.ts";
import { findManifest, listTags } from "./index-json-lookup.ts";
import { findParents } from "./index-json-parents.ts";
import { findReferrers } from "./index-json-referrers.ts";

/** Names in an index.json that is held in memory until somebody writes it. */
export class HeldIndexNames implements Names {
  readonly #reader: ManifestReader;
  readonly #changes: (readonly Change[])[] = [];
  #view: LayoutIndexView;
  #changed = false;
  /** The end of the last change: each is applied to what the one before it left. */
  #last: Promise<void> = Promise.resolve();

  constructor(index: LayoutIndex, bytes: ManifestBytes) {
    this.#view = new LayoutIndexView(index);
    this.#reader = new ManifestReader(bytes);
  }

  /** The index as it stands now. */
  get index(): LayoutIndex {
    return this.#view.index;
  }

  get view(): LayoutIndexView {
    return this.#view;
  }

  /** Whether the index is another one than it was. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Every batch that was applied, in order, so that it can be applied to another index again. */
  get changes(): readonly (readonly Change[])[] {
    return this.#changes;
  }

  async get(tag: string): Promise<Descriptor | undefined> {
    const entry = this.#view.named(tag);
    return entry && bareDescriptor(entry.descriptor);
  }

  async manifest(digest: Digest, options: Signal = {}): Promise<Descriptor | undefined> {
    return await findManifest(this.#view, this.#reader, digest, options);
  }

  async *tags(options: Page = {}): AsyncGenerator<Tag, void, undefined> {
    yield* listTags(this.#view, options);
  }

  async *referrers(subject: Descriptor, options: ReferrersOptions = {}): AsyncGenerator<Referrer, void, undefined> {
    yield* findReferrers(this.#view, this.#reader, subject.digest, options);
  }

  async *parents(child: Digest, options: Signal = {}): AsyncGenerator<Descriptor, void, undefined> {
    yield* await findParents(this.#view, this.#reader, child, options);
  }

  async update(changes: readonly Change[], options: Signal = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const done = this.#last.then(() => this.#apply(changes));
    // Its failure is its caller's; the next change goes on from what was before.
    this.#last = done.catch(() => undefined);
    await done;
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    const batch = new IndexBatch(this.#view.index, this.#reader);
    batch.check(changes);
    await batch.apply(changes);
    const index = await batch.finish();
    if (batch.edit.changed) {
      this.#view = new LayoutIndexView(index);
      this.#changed = true;
    }
    this.#changes.push(changes);
    await batch.settle();
  }
}
