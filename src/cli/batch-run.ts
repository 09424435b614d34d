import { OciError } from "../error/oci-error.ts";
import { fromBuffer } from "../bytes/bytes.ts";
import { type JobOutcome, runBatch } from "../transfer/batch.ts";
import { openArchivesOf } from "./archives.ts";
import { BatchArchives } from "./batch-archives.ts";
import type { batchOptions } from "./batch-options.ts";
import { jobContext } from "./batch-context.ts";
import { holdConnections } from "./connection.ts";
import type { Context } from "./context.ts";
import { Ending } from "./ending.ts";
import { formatCount } from "./format.ts";
import type { OptionValues } from "./option.ts";
import { writeOutputFile } from "./output-file.ts";
import { resolvePath } from "./input.ts";
import { reportError } from "./report.ts";
import { style } from "./style.ts";

/** One job: what its report calls it, and what it does in the world it is given. */
export interface BatchJob {
  readonly name: string;
  readonly line: string;
  /** Of the line; to see which jobs have an archive in common. */
  readonly words: readonly string[];
  readonly run: (context: Context) => Promise<void>;
}

/** One line of the report. */
interface Reported {
  readonly name: string;
  readonly line: string;
  readonly status: JobOutcome<unknown>["status"];
  readonly milliseconds?: number;
  readonly result?: unknown;
  readonly error?: object;
}

/** What a job came to, once it is known. */
class BatchReport {
  readonly jobs: Reported[];
  readonly #context: Context;
  #failure: { readonly error: unknown } | undefined;

  constructor(jobs: readonly BatchJob[], context: Context) {
    this.jobs = jobs.map(({ name, line }) => ({ name, line, status: "skipped" }));
    this.#context = context;
  }

  /** What the first that failed failed with. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  count(status: Reported["status"]): number {
    return this.jobs.filter((each) => each.status === status).length;
  }

  done(at: number, value: unknown, milliseconds: number): void {
    const entry = this.#set(at, { status: "done", milliseconds, result: value });
    if (entry) this.#context.note(`${style.green("done")}   ${entry.name}: ${entry.line}`);
  }

  failed(at: number, cause: unknown, milliseconds: number): void {
    const { event, exit } = reportError(cause, { debug: false });
    const { code, message, hint } = event;
    this.#failure ??= { error: cause };
    const entry = this.#set(at, { status: "failed", milliseconds, error: { code, message, hint, exit } });
    if (entry) this.#context.note(`${style.red("failed")} ${entry.name}: ${message}`);
  }

  #set(at: number, outcome: Omit<Reported, "name" | "line">): Reported | undefined {
    const before = this.jobs[at];
    if (!before) return undefined;
    const { name, line } = before;
    const entry = { name, line, ...outcome };
    this.jobs[at] = entry;
    return entry;
  }
}

/** A job that succeeded, but for archives that are still to be written. */
interface Waiting {
  readonly at: number;
  readonly value: unknown;
  readonly milliseconds: number;
  readonly archives: ReadonlySet<string>;
}

/**
 * Does all jobs over one set of connections, and reports each. What several change in one archive is written once.
 * @throws OciError PARTIAL when some failed and others did not; the first failure when none was done
 */
export async function runJobs(
  jobs: readonly BatchJob[],
  options: OptionValues<typeof batchOptions>,
  context: Context,
): Promise<void> {
  const { signal } = context;
  await using _held = await holdConnections(context);
  const report = new BatchReport(jobs, context);
  let waiting: Waiting[] = [];
  const tell = (): void => {
    const left = waiting;
    waiting = [];
    for (const each of left) {
      const { at, value, milliseconds } = each;
      const failure = archives.failure(each.archives);
      if (failure) report.failed(at, failure.error, milliseconds);
      else if ([...each.archives].every((path) => archives.isSettled(path))) report.done(at, value, milliseconds);
      else waiting.push(each);
    }
  };
  await using archives = await BatchArchives.of(
    jobs.map(({ words }) => words),
    tell,
    context,
  );
  const { parallel, continueOnError } = options;
  await runBatch<JobResult>(
    jobs.map((job, at) => ({ run: () => runJob(job, archives, at, context) })),
    {
      ...(parallel === undefined ? {} : { parallel }),
      continueOnError,
      signal,
      onOutcome: (at, outcome) => {
        if (outcome.status === "skipped") return;
        if (outcome.status === "failed") return report.failed(at, outcome.error, outcome.milliseconds);
        waiting.push({ at, ...outcome.value, milliseconds: outcome.milliseconds });
        tell();
      },
    },
  );
  await archives.finish({ signal });
  await showReport(report, options.report, context);
}

async function showReport(report: BatchReport, file: string | undefined, context: Context): Promise<void> {
  const [done, failed, skipped] = [report.count("done"), report.count("failed"), report.count("skipped")];
  const document = { done, failed, skipped, jobs: report.jobs };
  if (file !== undefined) {
    const bytes = Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`);
    await writeOutputFile(resolvePath(file, context), fromBuffer(bytes), context.signal);
  }
  const total = `${formatCount(done, "job")} done, ${failed} failed, ${skipped} skipped`;
  const failures = report.jobs.filter(({ status }) => status === "failed").map(failureLine);
  context.out.result(document, [...failures, total], failures);
  if (!report.failure) return;
  if (done === 0) throw report.failure.error;
  throw new OciError("PARTIAL", `${failed} of ${formatCount(report.jobs.length, "job")} failed, ${done} were done`);
}

interface JobResult {
  readonly value: unknown;
  readonly archives: ReadonlySet<string>;
}

async function runJob(job: BatchJob, archives: BatchArchives, at: number, context: Context): Promise<JobResult> {
  const shared = archives.forJob(at);
  try {
    await using ending = new Ending();
    const { context: own, printed } = jobContext(context, job.name, ending);
    const { waiting } = openArchivesOf(own, shared);
    await ending.run(() => job.run(own), own);
    return { value: printed.value(), archives: waiting };
  } finally {
    await shared.end(context);
  }
}

function failureLine({ name, line, error }: Reported): string {
  const message = error && "message" in error ? String(error.message) : "it failed";
  return `failed ${name} (${line}): ${message}`;
}
