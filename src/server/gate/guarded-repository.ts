import { isOciError } from "../../error/oci-error.ts";
import type { Descriptor } from "../../spec/descriptor.ts";
import type { Digest } from "../../spec/digest.ts";
import { Limits } from "../../spec/limits.ts";
import type { Store } from "../../store/store.ts";
import { brokenRule, type GateEvent, type GateJudge } from "./judge.ts";
import { KnownParents } from "./known-parents.ts";
import type { Natures } from "./nature.ts";
import { TagIndex } from "./tag-index.ts";
import { type Judged, Verdicts } from "./verdicts.ts";

/** Milliseconds that the index of the tags lasts while nobody writes by way of this server, and how often the time that it took. */
const FRESH = 1000;
const TIMES_ITS_COST = 20;
/** Evidence of evidence, and indexes in indexes, that are followed. */
const DEPTH = 8;

export interface GuardedRepositoryOptions {
  readonly name: string;
  readonly judge: GateJudge;
  readonly natures: Natures;
  readonly now: () => Date;
  readonly onEvent: (event: GateEvent) => void;
}

/** One repository at the gate: what of it pullers may see. */
export class GuardedRepository {
  readonly #options: GuardedRepositoryOptions;
  readonly #verdicts: Verdicts;
  /** Whether what was asked about was seen, so that a change is told once. */
  readonly #told = new Map<Digest, boolean>();
  readonly #parents: KnownParents;
  #written = 0;
  #deleted = 0;
  #tags: { readonly index: Promise<TagIndex>; readonly written: number; until: number } | undefined;
  #anything: { readonly value: Promise<boolean>; readonly written: number; readonly until: number } | undefined;

  constructor(options: GuardedRepositoryOptions) {
    this.#options = options;
    const { name, judge, natures, now } = options;
    this.#parents = new KnownParents(natures);
    this.#verdicts = new Verdicts({
      repository: name,
      judge,
      now,
      revision: () => ({ written: this.#written, deleted: this.#deleted }),
    });
  }

  get judge(): GateJudge {
    return this.#options.judge;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Something was written by way of this server. */
  changed(what: "written" | "deleted"): void {
    this.#written += 1;
    if (what === "deleted") this.#deleted += 1;
  }

  /** An index that the repository may not lead to vouches for its children. */
  learn(descriptor: Descriptor): void {
    this.#parents.learn(descriptor);
  }

  /** Whether pullers may see a manifest that is here. What goes wrong hides it. */
  async isVisible(store: Store, descriptor: Descriptor): Promise<boolean> {
    let own: Judged | undefined;
    let visible: boolean;
    try {
      visible = await this.#look(store, descriptor, 0, (judged) => {
        own = judged;
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : "unknown failure";
      own = { allowed: false, reason: `it cannot be judged: ${why}`, rules: [], error };
      visible = false;
    }
    // What hangs on an image is not told of: it goes with the image.
    if (own) await this.#tell(store, descriptor, visible, own);
    return visible;
  }

  /** Whether a change would be told of: somebody asked before. */
  wasAsked(digest: Digest): boolean {
    return this.#told.has(digest);
  }

  /** Whether there is anything here that pullers may see. */
  anything(store: Store): Promise<boolean> {
    const time = this.#options.now().getTime();
    const known = this.#anything;
    if (known && known.written === this.#written && time < known.until) return known.value;
    const value = this.#search(store);
    this.#anything = { value, written: this.#written, until: time + FRESH };
    return value;
  }

  /** The names of the repository as they were a moment ago, and after all that was written by way of this server. */
  async tags(store: Store): Promise<TagIndex> {
    const time = this.#options.now().getTime();
    const known = this.#tags;
    if (known && known.written === this.#written && time < known.until) return known.index;
    const started = performance.now();
    const index = TagIndex.read(store);
    const read = { index, written: this.#written, until: Number.POSITIVE_INFINITY };
    this.#tags = read;
    try {
      return await index;
    } finally {
      read.until = time + Math.max(FRESH, TIMES_ITS_COST * (performance.now() - started));
    }
  }

  /** The indexes that list a manifest, each once. */
  parentsOf(store: Store, digest: Digest): AsyncIterable<Descriptor> {
    return this.#parents.of(store, digest);
  }

  async #look(store: Store, descriptor: Descriptor, depth: number, onJudged?: (own: Judged) => void): Promise<boolean> {
    if (depth > DEPTH) return false;
    const nature = await this.#options.natures.of(store, descriptor);
    const index = await this.tags(store);
    if (nature.evidence) {
      const subjects = [...(nature.subject ? [nature.subject.digest] : []), ...index.subjectsOf(descriptor.digest)];
      for (const subject of subjects) {
        const found = await manifestAt(store, subject);
        if (found && (await this.#look(store, found, depth + 1))) return true;
      }
      // What hangs on nothing is a thing of its own.
      if (subjects.length > 0) return false;
    }
    const own = await this.#verdicts.of(store, descriptor, index.tagsOf(descriptor.digest));
    onJudged?.(own);
    if (own.allowed) return true;
    for await (const parent of this.parentsOf(store, descriptor.digest)) {
      if ((await store.exists(parent)) && (await this.#look(store, parent, depth + 1))) return true;
    }
    return false;
  }

  async #search(store: Store): Promise<boolean> {
    for (const [digest, visible] of this.#told) {
      const found = visible ? await manifestAt(store, digest) : undefined;
      if (found && (await this.isVisible(store, found))) return true;
    }
    for (const descriptor of (await this.tags(store)).tagged()) {
      if (await this.isVisible(store, descriptor)) return true;
    }
    return false;
  }

  async #tell(store: Store, { digest }: Descriptor, visible: boolean, own: Judged): Promise<void> {
    const before = this.#told.get(digest);
    this.#told.delete(digest);
    this.#told.set(digest, visible);
    const [oldest] = this.#told.keys();
    if (this.#told.size > Limits.gateVerdicts && oldest !== undefined) this.#told.delete(oldest);
    if (before === visible || (before === undefined && visible)) return;
    const { name, judge, onEvent } = this.#options;
    const tags = await this.tags(store).then(
      (index) => index.tagsOf(digest),
      () => [],
    );
    onEvent({
      type: visible ? "released" : "hidden",
      repository: name,
      digest,
      tags,
      policy: judge.policy,
      ...(visible
        ? {}
        : {
            ...brokenRule(own),
            ...(own.reason === undefined ? {} : { reason: own.reason }),
            ...(own.error === undefined ? {} : { error: own.error }),
          }),
    });
  }
}

/** A manifest that is here; undefined where it is not. */
export async function manifestAt(store: Pick<Store, "resolve">, digest: Digest): Promise<Descriptor | undefined> {
  try {
    return await store.resolve({ digest });
  } catch (error) {
    if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return undefined;
    throw error;
  }
}
