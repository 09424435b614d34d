import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { endThread } from "../store/end-thread.ts";
import type { UpkeepReply, UpkeepRequest } from "./upkeep-message.ts";

export interface UpkeepScheduleOptions {
  /** Milliseconds between two collections, from the end of one to the start of the next, and what they spare; 0: none. */
  readonly gc: { readonly interval: number; readonly grace: number };
  /** Milliseconds between two scrubs, also across restarts; 0: none. */
  readonly scrub: { readonly interval: number };
  readonly onEvent: (event: Exclude<UpkeepReply, { readonly type: "ended" }>) => void;
}

type Work = "gc" | "scrub";

/** Milliseconds until the first run: a server that starts has other things to do. */
const FIRST_AFTER = 60_000;
/** Milliseconds without work after which the thread ends, and gives its memory back. */
const IDLE = 5000;
/** Milliseconds between two looks at whether a scrub is due. */
const SCRUB_LOOK = 3_600_000;
/** Megabytes: most of what it makes is gone in a moment. */
const YOUNG_GENERATION = 4;
/** Bytes a second that a scrub reads beside a server's own work. */
const SCRUB_RATE = 64 * 1024 * 1024;

/** Collects garbage and scrubs below a root from time to time, in a thread of its own, one of each at a time. */
export class UpkeepSchedule implements AsyncDisposable {
  readonly #root: string;
  readonly #options: UpkeepScheduleOptions;
  readonly #timers = new Map<Work, NodeJS.Timeout>();
  readonly #running = new Set<Work>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(root: string, options: UpkeepScheduleOptions) {
    this.#root = root;
    this.#options = options;
    for (const work of ["gc", "scrub"] as const) this.#plan(work, FIRST_AFTER);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await this.#end();
  }

  #plan(work: Work, latest: number): void {
    const { interval } = this.#options[work];
    if (interval === 0 || this.#closed) return;
    const every = work === "gc" ? interval : Math.min(interval, SCRUB_LOOK);
    const start = (): void => {
      this.#start(work);
    };
    this.#timers.set(work, setTimeout(start, Math.min(every, latest)).unref());
  }

  #start(work: Work): void {
    clearTimeout(this.#idle);
    this.#running.add(work);
    this.#worker ??= this.#open();
    this.#worker.postMessage(this.#request(work));
  }

  #request(work: Work): UpkeepRequest {
    const { gc, scrub } = this.#options;
    if (work === "gc") return { type: "gc", grace: gc.grace };
    return { type: "scrub", every: scrub.interval, rate: SCRUB_RATE };
  }

  #open(): Worker {
    const worker = new Worker(new URL(`./upkeep-thread${extname(import.meta.filename)}`, import.meta.url), {
      workerData: this.#root,
      name: "berth upkeep",
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
    });
    worker.on("message", (reply: UpkeepReply) => {
      if (reply.type === "ended") this.#ended(reply.work);
      else this.#options.onEvent(reply);
    });
    worker.on("error", (error) => {
      const work = this.#running.has("gc") ? "gc" : "scrub";
      this.#options.onEvent({ type: "upkeep-failed", work, message: error.message });
    });
    worker.on("exit", () => {
      if (this.#worker === worker) this.#worker = undefined;
      // What it did not end is tried again when its time comes.
      if (this.#worker === undefined) for (const work of this.#running) this.#ended(work);
    });
    worker.unref();
    return worker;
  }

  #ended(work: Work): void {
    this.#running.delete(work);
    this.#plan(work, Number.POSITIVE_INFINITY);
    clearTimeout(this.#idle);
    if (this.#running.size === 0) this.#idle = setTimeout(() => void this.#end(), IDLE).unref();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    await endThread(worker, { type: "close" } satisfies UpkeepRequest);
  }
}
