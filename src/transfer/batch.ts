import { OciError } from "../error/oci-error.ts";
import type { Signal } from "../store/content.ts";
import { Semaphore } from "./semaphore.ts";

/** One of many things to do. */
export interface Job<T> {
  readonly run: () => Promise<T>;
}

export type JobOutcome<T> =
  | { readonly status: "done"; readonly value: T; readonly milliseconds: number }
  | { readonly status: "failed"; readonly error: unknown; readonly milliseconds: number }
  /** Not begun, since another one had failed. */
  | { readonly status: "skipped" };

export interface BatchOptions<T> extends Signal {
  /** Jobs at a time; 4 by default. */
  readonly parallel?: number;
  /** Go on with the others when one fails. False by default: those that have begun are finished, no more begin. */
  readonly continueOnError?: boolean;
  /** Called with each outcome as it comes. */
  readonly onOutcome?: (at: number, outcome: JobOutcome<T>) => void;
}

const PARALLEL = 4;

/**
 * Does many things, a bounded number at a time; what fails is an outcome and no exception.
 * @returns an outcome for each job, in their order
 * @throws the signal's reason
 */
export async function runBatch<T>(
  jobs: readonly Job<T>[],
  options: BatchOptions<T> = {},
): Promise<readonly JobOutcome<T>[]> {
  const { parallel = PARALLEL, continueOnError = false, signal, onOutcome } = options;
  if (parallel < 1) throw new OciError("USAGE", `Expected at least one job at a time, got ${parallel}`);
  const slots = new Semaphore(parallel);
  const outcomes: JobOutcome<T>[] = jobs.map(() => ({ status: "skipped" }));
  let failed = false;
  const settle = async (job: Job<T>, at: number): Promise<void> => {
    const started = performance.now();
    const outcome = await job.run().then(
      (value): JobOutcome<T> => ({ status: "done", value, milliseconds: performance.now() - started }),
      (error: unknown): JobOutcome<T> => ({ status: "failed", error, milliseconds: performance.now() - started }),
    );
    failed ||= outcome.status === "failed";
    outcomes[at] = outcome;
    onOutcome?.(at, outcome);
  };
  const running: Promise<void>[] = [];
  for (const [at, job] of jobs.entries()) {
    await slots.acquire();
    if (signal?.aborted || (failed && !continueOnError)) {
      slots.release();
      break;
    }
    running.push(settle(job, at).finally(() => slots.release()));
  }
  await Promise.all(running);
  signal?.throwIfAborted();
  return outcomes;
}
