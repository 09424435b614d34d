import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { entryName, type LayoutEntry, type LayoutIndex, layoutEntry } from "../spec/layout-index.ts";
import { isPlain, LayoutIndexEdit } from "../spec/layout-index-edit.ts";
import { type Change, isNameChange, type ManifestChange, type NameChange, taggedConflict } from "../store/names.ts";
import type { ManifestReader } from "./index-json-facts.ts";
import { FallbackIndexes } from "./index-json-fallback.ts";

/** Changes to one index.json that become visible together. */
export class IndexBatch {
  readonly edit: LayoutIndexEdit;
  readonly #reader: ManifestReader;
  readonly #fallbacks: FallbackIndexes;

  constructor(index: LayoutIndex, reader: ManifestReader) {
    this.edit = new LayoutIndexEdit(index);
    this.#reader = reader;
    this.#fallbacks = new FallbackIndexes(reader.bytes);
  }

  /** @throws OciError CONFLICT when an `expect` does not hold */
  check(changes: readonly Change[]): void {
    for (const change of changes) {
      if (!isNameChange(change)) {
        const name = change.unlessTagged ? this.#nameOf(change.manifest.digest) : undefined;
        if (name !== undefined) throw taggedConflict(change.manifest.digest, name);
        continue;
      }
      if (change.expect === undefined) continue;
      const current = this.edit.named(change.tag)?.descriptor.digest ?? null;
      if (current === change.expect) continue;
      throw new OciError(
        "CONFLICT",
        `The tag ${JSON.stringify(change.tag)} is at ${current ?? "nothing"}, expected ${change.expect ?? "nothing"}`,
        { reference: change.tag },
      );
    }
  }

  #nameOf(digest: Digest): string | undefined {
    return this.edit
      .withDigest(digest)
      .map(entryName)
      .find((name) => name !== undefined);
  }

  async apply(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      if (isNameChange(change)) await this.#name(change);
      else if (change.present) await this.#appear(change);
      else await this.#disappear(change);
    }
  }

  /** Ends the batch: what was gathered over all of its changes is written. */
  async finish(): Promise<LayoutIndex> {
    await this.#fallbacks.apply(this.edit);
    return this.edit.result();
  }

  /** Clears away what the batch replaced, once it is durable. */
  async settle(): Promise<void> {
    await this.#fallbacks.discardOutdated(this.edit);
  }

  async #name({ tag, to }: NameChange): Promise<void> {
    const before = to ? this.edit.setTag(tag, bareDescriptor(to)) : this.edit.removeTag(tag);
    if (before === undefined || before.descriptor.digest === to?.digest) return;
    if (this.edit.has(before.descriptor.digest)) return;
    // A tag that moves on leaves the old manifest unlisted, as other tools do, unless its bytes do not say
    // what it is. A tag that is deleted leaves the manifest listed.
    if (to === null || !(await this.#speaksForItself(before.descriptor))) {
      this.edit.add(layoutEntry(bareDescriptor(before.descriptor)));
    }
  }

  async #appear({ manifest, subject, children = [] }: ManifestChange): Promise<void> {
    if (subject) this.#refer(manifest, subject.digest);
    else if (!this.edit.has(manifest.digest)) this.edit.add(layoutEntry(bareDescriptor(manifest)));
    for (const child of children) {
      for (const entry of this.edit.withDigest(child)) {
        if (isPlain(entry) && (await this.#speaksForItself(entry.descriptor))) this.edit.remove(entry);
      }
    }
  }

  #refer(manifest: Descriptor, subject: Digest): void {
    this.#fallbacks.add(subject, manifest);
    const fresh = referrerEntry(manifest, subject);
    const entries = this.edit.withDigest(manifest.digest);
    if (entries.some((entry) => JSON.stringify(entry.json) === JSON.stringify(fresh.json))) return;
    for (const entry of entries) if (isPlain(entry) || subjectOf(entry) === subject) this.edit.remove(entry);
    this.edit.add(fresh);
  }

  async #disappear({ manifest, subject }: ManifestChange): Promise<void> {
    const facts = await this.#reader.facts(manifest.digest);
    const entries = this.edit.withDigest(manifest.digest);
    const subjects = new Set([subject?.digest, facts?.subject, ...entries.map(subjectOf)]);
    for (const entry of entries) this.edit.remove(entry);
    for (const each of subjects) if (each !== undefined) this.#fallbacks.remove(each, manifest.digest);
    this.#reader.forget(manifest.digest);
  }

  /** Whether a manifest is known as what it is without an entry that says so. */
  async #speaksForItself(descriptor: Descriptor): Promise<boolean> {
    const facts = await this.#reader.facts(descriptor.digest);
    return facts?.mediaType === descriptor.mediaType;
  }
}

/** The digest that an untagged entry says it refers to. */
export function subjectOf(entry: LayoutEntry): Digest | undefined {
  return entry.descriptor.annotations?.[Annotation.ReferrerSubject] as Digest | undefined;
}

/** A referrer's entry. Names among the manifest's own annotations would make it a tag, so they stay out. */
export function referrerEntry(manifest: Descriptor, subject: Digest): LayoutEntry {
  const own = Object.entries(manifest.annotations ?? {}).filter(
    ([key]) => key !== Annotation.RefName && key !== Annotation.ContainerdName,
  );
  const listed = { ...manifest, annotations: Object.fromEntries(own) };
  return layoutEntry(listed, { [Annotation.ReferrerSubject]: subject });
}
