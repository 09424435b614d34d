import { isOciError } from "../error/oci-error.ts";
import { isTag } from "../spec/name.ts";
import { parseDigestTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { RepositoryApi } from "./repository-api.ts";
import { tagPages } from "./tags.ts";

/** Where the tags that speak of digests begin, in order. */
const RANGES = ["sha256-", "sha512-"] as const;

/** What comes later than this comes behind all of them. */
const BEHIND = "sha512.";

/** What a jump saw: the range it went to, all that follows it to the listing's end, or that tags come in no order. */
type Seen = "range" | "rest" | "disorder";

type ByPrefix = ReadonlyMap<string, readonly string[]>;

/**
 * The digest tags of a repository, from one listing that jumps to where they lie, kept for a
 * moment so that a walk over many manifests asks once and not for each of them.
 */
export class DigestTags {
  readonly #api: RepositoryApi;
  /** Milliseconds. */
  readonly #keep: number;
  #held: { readonly tags: Promise<ByPrefix>; readonly until: number } | undefined;

  constructor(api: RepositoryApi, keep: number) {
    this.#api = api;
    this.#keep = keep;
  }

  /** The tags with a prefix `<algorithm>-<hex>`, that very tag included. */
  async of(prefix: string, options: Signal = {}): Promise<readonly string[]> {
    if (!this.#held || this.#held.until < performance.now()) {
      const tags = this.#list(options);
      const held = { tags, until: performance.now() + this.#keep };
      this.#held = held;
      tags.catch(() => {
        if (this.#held === held) this.#held = undefined;
      });
    }
    return (await this.#held.tags).get(prefix) ?? [];
  }

  /** To be called when one of these tags was written or deleted. */
  forget(tag: string): void {
    if (parseDigestTag(tag)) this.#held = undefined;
  }

  async #list(options: Signal): Promise<ByPrefix> {
    const found = new Map<string, string[]>();
    const take = (name: string): void => {
      const prefix = isTag(name) ? parseDigestTag(name)?.prefix : undefined;
      if (prefix === undefined) return;
      const known = found.get(prefix) ?? [];
      if (!known.includes(name)) known.push(name);
      found.set(prefix, known);
    };
    try {
      let seen: Seen = "range";
      for (const range of RANGES) if (seen === "range") seen = await this.#jump(range, take, options);
      if (seen === "disorder")
        for await (const page of tagPages(this.#api, options)) for (const name of page) take(name);
    } catch (error) {
      if (!isOciError(error, "NAME_UNKNOWN")) throw error;
    }
    return found;
  }

  /**
   * Reads from the start of a range until behind it. Disorder: tags came out of order or from
   * before the jump, or the registry knows none after a tag that is not there, as zot: it cannot be jumped in.
   */
  async #jump(range: string, take: (name: string) => void, options: Signal): Promise<Seen> {
    try {
      return await this.#readRange(range, take, options);
    } catch (error) {
      if (isOciError(error, "NAME_UNKNOWN")) return "disorder";
      throw error;
    }
  }

  async #readRange(range: string, take: (name: string) => void, options: Signal): Promise<Seen> {
    let previous: string = range;
    for await (const page of tagPages(this.#api, { ...options, last: range })) {
      // The whole page, even when its first name lies behind the range: disorder may show later.
      for (const name of page) {
        if (name <= previous) return "disorder";
        previous = name;
      }
      for (const name of page) take(name);
      if (page.length > 0 && !previous.startsWith(range)) return previous > BEHIND ? "rest" : "range";
    }
    return "rest";
  }
}
