/** The thread in which a server collects garbage and scrubs: its calls block, and nobody else waits for them. */
import { parentPort, workerData } from "node:worker_threads";
import { isOciError } from "../error/oci-error.ts";
import { collectGarbage } from "../lifecycle/collect-garbage.ts";
import { lastScrub, scrub } from "../lifecycle/scrub.ts";
import { openUpkeep } from "../open/open-upkeep.ts";
import type { UpkeepReply, UpkeepRequest } from "./upkeep-message.ts";

const port = parentPort;
const root = String(workerData);
const stop = new AbortController();
const { signal } = stop;
const running = new Set<Promise<void>>();

function tell(reply: UpkeepReply): void {
  port?.postMessage(reply);
}

async function collect(grace: number): Promise<void> {
  await using upkeep = await openUpkeep(root);
  const started = performance.now();
  const report = await collectGarbage(upkeep, { grace, signal, timeout: 0 });
  tell({ type: "collected", report, milliseconds: performance.now() - started });
}

async function check(every: number, rate: number): Promise<void> {
  await using upkeep = await openUpkeep(root);
  const last = await lastScrub(upkeep);
  const age = last === undefined ? undefined : Date.now() - last;
  // A time in the future is none that can be trusted.
  if (age !== undefined && age >= 0 && age < every) return;
  const onEvent = (event: { readonly type: string }): void => {
    if (event.type === "finding") tell(event as UpkeepReply);
  };
  tell({ type: "scrubbed", report: await scrub(upkeep, { rate, signal, timeout: 0, onEvent }) });
}

/** Whatever fails is told; the next run is another one. */
async function attempt(work: "gc" | "scrub", run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    // Somebody else is at it, or the server stops.
    if (!signal.aborted && !isOciError(error, "LOCKED")) {
      tell({ type: "upkeep-failed", work, message: error instanceof Error ? error.message : String(error) });
    }
  } finally {
    tell({ type: "ended", work });
  }
}

function start(work: "gc" | "scrub", run: () => Promise<void>): void {
  const each = attempt(work, run).finally(() => running.delete(each));
  running.add(each);
}

port?.on("message", (request: UpkeepRequest) => {
  switch (request.type) {
    case "gc":
      return start("gc", () => collect(request.grace));
    case "scrub":
      return start("scrub", () => check(request.every, request.rate));
    case "close":
      stop.abort();
      void Promise.allSettled(running).then(() => port.close());
  }
});
