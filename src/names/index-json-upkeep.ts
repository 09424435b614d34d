import type { Descriptor } from "../spec/descriptor.ts";
import { bareDescriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { entryName, type LayoutEntry } from "../spec/layout-index.ts";
import { isIndexType } from "../spec/media-type.ts";
import { digestTagSubject, parseDigestTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import { type Forgotten, forgetManifests } from "../store/forget.ts";
import type { ListedManifest, NamesUpkeep } from "../store/upkeep.ts";
import type { IndexJsonNames } from "./index-json.ts";

/** The names of a layout, as garbage collection sees them: every entry of index.json counts. */
export class IndexJsonUpkeep implements NamesUpkeep {
  readonly #names: IndexJsonNames;

  constructor(names: IndexJsonNames) {
    this.#names = names;
  }

  async *manifests(): AsyncGenerator<ListedManifest, void, undefined> {
    const view = await this.#names.view();
    for (const entry of view.index.entries) {
      const lists = listedSubject(entry);
      yield { descriptor: bareDescriptor(entry.descriptor), ...(lists === undefined ? {} : { lists }) };
    }
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.#names.view()).withDigest(digest).length > 0;
  }

  async *tagged(): AsyncGenerator<Descriptor, void, undefined> {
    const view = await this.#names.view();
    for (const entry of view.index.entries) {
      if (entryName(entry) !== undefined && listedSubject(entry) === undefined) yield bareDescriptor(entry.descriptor);
    }
  }

  async *referrers(subject: Descriptor, options: Signal = {}): AsyncGenerator<Descriptor, void, undefined> {
    for await (const { descriptor } of this.#names.referrers(subject, options)) yield descriptor;
  }

  async forget(manifests: readonly Forgotten[], options: Signal = {}): Promise<readonly Forgotten[]> {
    return await forgetManifests(this.#names, manifests, options);
  }
}

/** Whose referrers an entry lists; undefined: it is no such list, or whose cannot be told. */
function listedSubject(entry: LayoutEntry): Digest | undefined {
  const name = entryName(entry);
  if (name === undefined || !isIndexType(entry.descriptor.mediaType)) return undefined;
  return parseDigestTag(name)?.suffix === "" ? digestTagSubject(name) : undefined;
}
