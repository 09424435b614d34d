import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { OciError } from "../error/oci-error.ts";
import { endThread } from "../store/end-thread.ts";
import type { SqlJob, SqlOutcome } from "./sql-database.ts";
import { errorOfFailure } from "./sql-error.ts";
import type { WriterReply, WriterRequest } from "./sql-writer-thread.ts";

interface Waiting {
  readonly resolve: (outcome: SqlOutcome) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The thread that writes: a commit waits for the disk, and must not keep the one that answers requests waiting
 * with it.
 */
export class SqlWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 0;
  #closed = false;
  #idle = Promise.withResolvers<void>();

  constructor(path: string) {
    this.#path = path;
    this.#idle.resolve();
  }

  write(job: SqlJob): Promise<SqlOutcome> {
    if (this.#closed) return Promise.reject(new OciError("INTERNAL", "The catalog is closed"));
    const { promise, resolve, reject } = Promise.withResolvers<SqlOutcome>();
    const worker = (this.#worker ??= this.#start());
    const id = (this.#next += 1);
    if (this.#waiting.size === 0) {
      this.#idle = Promise.withResolvers<void>();
      worker.ref();
    }
    this.#waiting.set(id, { resolve, reject });
    worker.postMessage({ id, job } satisfies WriterRequest);
    return promise;
  }

  settle(): Promise<void> {
    return this.#idle.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.settle();
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    await endThread(worker, "close" satisfies WriterRequest);
  }

  #start(): Worker {
    const file = new URL(`./sql-writer-thread${extname(import.meta.filename)}`, import.meta.url);
    const worker = new Worker(file, { workerData: this.#path, name: "berth catalog" });
    worker.on("message", (reply: WriterReply) => {
      this.#take(reply);
    });
    // A thread that ended takes its jobs with it, whatever became of them; the next one gets a new thread.
    const failed = (cause?: unknown): void => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const waiting of this.#waiting.values()) {
        waiting.reject(new OciError("IO", "The catalog's writer ended before it answered", { cause }));
      }
      this.#waiting.clear();
      this.#idle.resolve();
    };
    worker.on("error", failed);
    worker.on("exit", () => {
      if (this.#worker === worker) failed();
    });
    worker.unref();
    return worker;
  }

  #take(reply: WriterReply): void {
    for (const { id, answer } of reply) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if ("failure" in answer) waiting?.reject(errorOfFailure(answer.failure));
      else waiting?.resolve(answer.outcome);
    }
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    this.#idle.resolve();
  }
}
