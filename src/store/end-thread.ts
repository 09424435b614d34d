import { once } from "node:events";
import type { Worker } from "node:worker_threads";

/** Asks a thread to end and waits until it has: the process stays for what it is still writing. */
export async function endThread(worker: Worker, request: unknown): Promise<void> {
  worker.ref();
  const ended = once(worker, "exit");
  worker.postMessage(request);
  await ended;
}
