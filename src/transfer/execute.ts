import {
  type ContentStep,
  type NamesStep,
  nodeKey,
  type NodeKey,
  type ReferrersStep,
  type Step,
} from "../graph/step.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { ReferrersChange } from "../store/store.ts";
import { move, type Route } from "./move.ts";
import { Semaphore } from "./semaphore.ts";
import { type Summary, Tally } from "./summary.ts";

export interface ExecuteOptions extends Route {
  /** Nodes on their way at a time: of large ones, and of small ones and mounts. 6 and 16 by default. */
  readonly concurrency?: number;
}

/** As many requests as go to one host at a time: while some wait for a disk to take what they wrote, others go on. */
const CONCURRENCY = 6;
/** Of what costs a round trip rather than bytes: it waits for answers most of its time. */
const SMALL_CONCURRENCY = 16;
/** Bytes of a node that is held to be small. */
const SMALL = 256 * 1024;
/** Steps taken from the plan that are not done yet; it bounds what waits for its children. */
const WINDOW = 256;

/**
 * Carries a plan out: content concurrently, a manifest only after all it names, then the
 * referrers of all subjects in one batch, then the names in one batch. The first failure
 * stops everything; no name has moved then.
 * @throws OciError of whatever failed first
 */
export async function execute(steps: AsyncIterable<Step>, options: ExecuteOptions): Promise<Summary> {
  return new Execution(options).run(steps);
}

class Execution {
  readonly #options: ExecuteOptions;
  readonly #slots: Semaphore;
  readonly #smallSlots: Semaphore;
  readonly #window = new Semaphore(WINDOW);
  readonly #stop = new AbortController();
  readonly #route: Route;
  readonly #underWay = new Map<NodeKey, Promise<void>>();
  /** Referrers whose subject the target listed of its own accord. */
  readonly #handled = new Set<Digest>();
  readonly #referrers: ReferrersStep[] = [];
  readonly #tally = new Tally();
  #failure: { readonly error: unknown } | undefined;
  /** The last manifest so far, not begun: if nothing follows but its tag, a registry takes both with one request. */
  #held: ContentStep | undefined;

  constructor(options: ExecuteOptions) {
    this.#options = options;
    this.#slots = new Semaphore(options.concurrency ?? CONCURRENCY);
    this.#smallSlots = new Semaphore(options.concurrency ?? SMALL_CONCURRENCY);
    const signals = [this.#stop.signal, ...(options.signal ? [options.signal] : [])];
    this.#route = { ...options, signal: AbortSignal.any(signals) };
  }

  async run(steps: AsyncIterable<Step>): Promise<Summary> {
    const { onEvent } = this.#options;
    try {
      for await (const step of steps) {
        if (this.#failure) break;
        onEvent?.({ type: "planned", step });
        if (step.type === "names") {
          onEvent?.({ type: "plan-complete" });
          await this.#name(step);
          return this.#tally.summary();
        }
        await this.#startHeld();
        if (step.type === "referrers") this.#referrers.push(step);
        else await this.#take(step);
      }
    } catch (error) {
      this.#fail(error);
    }
    await this.#startHeld();
    await this.#settle();
    await this.#list();
    return this.#tally.summary();
  }

  async #take(step: ContentStep): Promise<void> {
    this.#tally.planned(step);
    const { medium } = this.#options.target.location;
    if (medium === "registry" && step.kind === "manifest" && step.action === "push") this.#held = step;
    else await this.#start(step);
  }

  async #startHeld(): Promise<void> {
    const step = this.#held;
    this.#held = undefined;
    if (step) await this.#start(step);
  }

  async #name(step: NamesStep): Promise<void> {
    const tag = tagOf(this.#held, step);
    if (tag === undefined) await this.#startHeld();
    await this.#settle();
    await this.#list();
    if (this.#held && tag !== undefined) await this.#carry(this.#held, [], [tag]);
    else if (step.changes.length > 0) await this.#options.target.update(step.changes, this.#signal());
    this.#tally.named(step);
    this.#options.onEvent?.({ type: "named", step });
  }

  async #start(step: ContentStep): Promise<void> {
    if (step.action === "skip") {
      this.#tally.count("skip", step.descriptor);
      this.#options.onEvent?.({ type: "done", action: "skip", kind: step.kind, descriptor: step.descriptor });
      return;
    }
    await this.#window.acquire();
    const key = nodeKey(step.kind, step.descriptor.digest);
    const before = this.#before(step.requires);
    const work = this.#carry(step, before)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#underWay.delete(key);
        this.#window.release();
      });
    this.#underWay.set(key, work);
  }

  #before(requires: readonly Descriptor[]): Promise<void>[] {
    const waits: Promise<void>[] = [];
    for (const { digest } of requires) {
      for (const kind of ["blob", "manifest"] as const) {
        const work = this.#underWay.get(nodeKey(kind, digest));
        if (work) waits.push(work);
      }
    }
    return waits;
  }

  async #carry(step: ContentStep, before: readonly Promise<void>[], tags: readonly string[] = []): Promise<void> {
    await Promise.all(before);
    if (this.#failure) return;
    const slots = step.action === "mount" || step.descriptor.size <= SMALL ? this.#smallSlots : this.#slots;
    await slots.acquire();
    try {
      this.#route.signal?.throwIfAborted();
      const { action, subjectHandled } = await move(step, this.#route, tags);
      if (subjectHandled) this.#handled.add(step.descriptor.digest);
      this.#tally.count(action, step.descriptor);
      this.#options.onEvent?.({ type: "done", action, kind: step.kind, descriptor: step.descriptor });
    } finally {
      slots.release();
    }
  }

  #fail(error: unknown): void {
    // What follows the first failure is only its echo.
    if (this.#failure) return;
    this.#failure = { error };
    this.#stop.abort(error);
  }

  async #settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
    if (this.#failure) throw this.#failure.error;
  }

  /** Tells the target of the referrers that it does not list yet, all subjects at once. */
  async #list(): Promise<void> {
    const { target } = this.#options;
    if (!target.listReferrers) return;
    const changes: ReferrersChange[] = [];
    for (const { subject, referrers } of this.#referrers) {
      const open = referrers.filter(({ digest }) => !this.#handled.has(digest));
      if (open.length === 0) continue;
      const unknown = new Map(open.map((descriptor) => [descriptor.digest, descriptor]));
      for await (const { descriptor, via } of target.referrers(subject, this.#signal())) {
        if (via !== "digest-tag") unknown.delete(descriptor.digest);
        // What else hangs there, and under which tags, is not asked any more.
        if (unknown.size === 0) break;
      }
      if (unknown.size > 0) changes.push({ subject, add: [...unknown.values()], remove: [] });
    }
    if (changes.length === 0) return;
    await target.listReferrers(changes, this.#signal());
    this.#tally.listed(changes.reduce((sum, { add }) => sum + add.length, 0));
  }

  #signal(): { signal?: AbortSignal } {
    return this.#route.signal ? { signal: this.#route.signal } : {};
  }
}

/** The tag of a manifest, if that and nothing else is what is named. */
function tagOf(manifest: ContentStep | undefined, { changes }: NamesStep): string | undefined {
  const [change] = changes;
  if (!manifest || !change || changes.length > 1 || change.expect !== undefined) return undefined;
  return change.to?.digest === manifest.descriptor.digest ? change.tag : undefined;
}
