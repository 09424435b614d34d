import { digestOf } from "../../bytes/hash.ts";
import type { Descriptor } from "../../spec/descriptor.ts";
import type { Digest } from "../../spec/digest.ts";
import { Limits } from "../../spec/limits.ts";
import type { Store } from "../../store/store.ts";
import type { GateJudge, Judgement } from "./judge.ts";

/** Milliseconds that nothing is looked up for, while nobody writes by way of this server: others write as well. */
const FRESH = 1000;
/** Milliseconds after which everything is judged anew, and a half of it after which that is begun beforehand. */
const LASTING = 60_000;
/** The same for what could not be judged. */
const FAILED = 1000;

/** Counters that tell what was written since. */
export interface Revision {
  /** Everything that was written. */
  readonly written: number;
  /** What was deleted: content may be gone that a judgement is built on. */
  readonly deleted: number;
}

interface Verdict {
  readonly judgement: Judgement;
  readonly tags: string;
  /** What hung on each manifest that was asked about, as a digest of the listing. */
  readonly listings: ReadonlyMap<Digest, { readonly subject: Descriptor; readonly listing: string }>;
  readonly deleted: number;
  /** Milliseconds since 1970. */
  readonly judgedAt: number;
  readonly until: number;
  written: number;
  lookedAt: number;
}

/** An outcome, and whether it is the error that hides it. */
export interface Judged extends Judgement {
  readonly error?: unknown;
}

export interface VerdictsOptions {
  readonly repository: string;
  readonly judge: GateJudge;
  readonly now: () => Date;
  readonly revision: () => Revision;
}

/**
 * What was decided of the images of one repository. A decision counts as long as the image's tags and all that
 * hangs on it are the same, nothing was deleted, and nothing in it is too old.
 */
export class Verdicts {
  /** From the least to the most recently used. */
  readonly #known = new Map<Digest, Verdict>();
  readonly #underWay = new Map<string, Promise<Judged>>();
  readonly #options: VerdictsOptions;

  constructor(options: VerdictsOptions) {
    this.#options = options;
  }

  /** Never throws: what cannot be judged is not allowed. */
  async of(store: Store, subject: Descriptor, tags: readonly string[]): Promise<Judged> {
    const known = this.#known.get(subject.digest);
    if (!known || !(await this.#counts(known, store, tags))) return this.#judge(store, subject, tags);
    this.#known.delete(subject.digest);
    this.#known.set(subject.digest, known);
    if (this.#time() - known.judgedAt > LASTING / 2) void this.#judge(store, subject, tags);
    return known.judgement;
  }

  #time(): number {
    return this.#options.now().getTime();
  }

  async #counts(verdict: Verdict, store: Store, tags: readonly string[]): Promise<boolean> {
    const { written, deleted } = this.#options.revision();
    const time = this.#time();
    if (time >= verdict.until || verdict.deleted !== deleted || verdict.tags !== tags.join(" ")) return false;
    if (verdict.written === written && Math.abs(time - verdict.lookedAt) < FRESH) return true;
    for (const { subject, listing } of verdict.listings.values()) {
      if ((await listingOf(store, subject).catch(() => undefined)) !== listing) return false;
    }
    verdict.written = written;
    verdict.lookedAt = time;
    return true;
  }

  #judge(store: Store, subject: Descriptor, tags: readonly string[]): Promise<Judged> {
    const { written, deleted } = this.#options.revision();
    const key = `${subject.digest} ${written} ${deleted} ${tags.join(" ")}`;
    const running = this.#underWay.get(key);
    if (running) return running;
    const begun = this.#decide(store, subject, tags).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, begun);
    return begun;
  }

  async #decide(store: Store, subject: Descriptor, tags: readonly string[]): Promise<Judged> {
    const { judge, repository, now } = this.#options;
    const { written, deleted } = this.#options.revision();
    const at = now();
    const listings = new Map<Digest, { readonly subject: Descriptor; readonly listing: string }>();
    let judgement: Judged;
    try {
      judgement = await judge.judge({ source: recording(store, listings), subject, repository, tags, now: at });
    } catch (error) {
      const why = error instanceof Error ? error.message : "unknown failure";
      judgement = { allowed: false, reason: `it cannot be judged: ${why}`, rules: [], error };
    }
    const lasting = at.getTime() + (judgement.error === undefined ? LASTING : FAILED);
    this.#known.delete(subject.digest);
    this.#known.set(subject.digest, {
      judgement,
      tags: tags.join(" "),
      listings,
      written,
      deleted,
      judgedAt: at.getTime(),
      lookedAt: at.getTime(),
      until: judgement.until === undefined ? lasting : Math.min(lasting, Date.parse(judgement.until)),
    });
    const [oldest] = this.#known.keys();
    if (this.#known.size > Limits.gateVerdicts && oldest !== undefined) this.#known.delete(oldest);
    return judgement;
  }
}

/** Notes what hung on each manifest that it was asked about. */
function recording(
  store: Store,
  listings: Map<Digest, { readonly subject: Descriptor; readonly listing: string }>,
): Pick<Store, "fetch" | "referrers"> {
  return {
    fetch: (descriptor, options) => store.fetch(descriptor, options),
    async *referrers(subject, options) {
      const seen: string[] = [];
      for await (const referrer of store.referrers(subject, options)) {
        seen.push(referrer.descriptor.digest);
        yield referrer;
      }
      listings.set(subject.digest, { subject, listing: summary(seen) });
    },
  };
}

async function listingOf(store: Store, subject: Descriptor): Promise<string> {
  const seen: string[] = [];
  for await (const { descriptor } of store.referrers(subject)) seen.push(descriptor.digest);
  return summary(seen);
}

function summary(digests: readonly string[]): string {
  return digestOf(Buffer.from(digests.join("\n")));
}
