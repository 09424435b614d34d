import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { OciError } from "../error/oci-error.ts";
import type { Catalog } from "../names/sql-database.ts";
import { endThread } from "../store/end-thread.ts";
import type { FollowEvent } from "./follow-event.ts";
import { failureFrom, type FollowReply, type FollowRequest, type FollowThreadData, unwrap } from "./follow-message.ts";
import type { FollowAnswer, FollowTask } from "./follow-task.ts";

/** Where the work of following is done. */
export interface FollowRunner extends AsyncDisposable {
  run(task: FollowTask): Promise<FollowAnswer>;
}

export interface FollowWorkerOptions extends FollowThreadData {
  readonly writer: Pick<Catalog, "write">;
  readonly onEvent: (event: FollowEvent) => void;
}

/** Milliseconds without work after which the thread ends, and gives its memory back. */
const IDLE = 5000;
/** Megabytes: its work is done in pieces, whatever the size of what it works on. */
const [OLD_GENERATION, YOUNG_GENERATION] = [128, 4] as const;

/** A thread that reads and writes files of any length, so that the one that answers requests does not wait. */
export class FollowWorker implements FollowRunner {
  readonly #options: FollowWorkerOptions;
  readonly #waiting = new Map<number, PromiseWithResolvers<FollowAnswer>>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(options: FollowWorkerOptions) {
    this.#options = options;
  }

  run(task: FollowTask): Promise<FollowAnswer> {
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    const id = (this.#next += 1);
    const answer = Promise.withResolvers<FollowAnswer>();
    this.#waiting.set(id, answer);
    worker.ref();
    worker.postMessage({ type: "task", id, task } satisfies FollowRequest);
    return answer.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    await endThread(worker, { type: "close" } satisfies FollowRequest);
  }

  #start(): Worker {
    const { root, catalog } = this.#options;
    const worker = new Worker(new URL(`./follow-thread${extname(import.meta.filename)}`, import.meta.url), {
      workerData: { root, catalog } satisfies FollowThreadData,
      name: "berth follow",
      resourceLimits: { maxOldGenerationSizeMb: OLD_GENERATION, maxYoungGenerationSizeMb: YOUNG_GENERATION },
    });
    worker.on("message", (reply: FollowReply) => {
      this.#take(worker, reply);
    });
    worker.on("error", (cause) => {
      this.#lost(worker, cause);
    });
    worker.on("exit", () => {
      this.#lost(worker);
    });
    worker.unref();
    return worker;
  }

  #take(worker: Worker, reply: FollowReply): void {
    switch (reply.type) {
      case "event":
        this.#options.onEvent(reply.event);
        break;
      case "write":
        void this.#write(worker, reply);
        break;
      case "done": {
        const answer = this.#waiting.get(reply.id);
        this.#waiting.delete(reply.id);
        try {
          answer?.resolve(unwrap(reply.answer));
        } catch (error) {
          answer?.reject(error);
        }
        if (this.#waiting.size === 0 && this.#worker === worker) this.#rest(worker);
        break;
      }
    }
  }

  async #write(worker: Worker, { id, job }: Extract<FollowReply, { type: "write" }>): Promise<void> {
    const outcome = await this.#options.writer.write(job).catch(failureFrom);
    worker.postMessage({ type: "written", id, outcome } satisfies FollowRequest);
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle = setTimeout(() => void this[Symbol.asyncDispose](), IDLE).unref();
  }

  /** A thread that ended takes its tasks with it; the next one gets a new thread. */
  #lost(worker: Worker, cause?: unknown): void {
    if (this.#worker === worker) this.#worker = undefined;
    else if (this.#worker !== undefined) return;
    for (const answer of this.#waiting.values()) {
      answer.reject(
        new OciError("INTERNAL", "The thread that follows the catalog ended before it answered", { cause }),
      );
    }
    this.#waiting.clear();
  }
}
