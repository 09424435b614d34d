import { OciError } from "../error/oci-error.ts";
import { type JobOutcome, runBatch } from "../transfer/batch.ts";
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

/**
 * Does all jobs over one set of connections, and reports each.
 * @throws OciError PARTIAL when some failed and others did not; the first failure when none was done
 */
export async function runJobs(
  jobs: readonly BatchJob[],
  options: OptionValues<typeof batchOptions>,
  context: Context,
): Promise<void> {
  const { out, signal } = context;
  await using _held = await holdConnections(context);
  const exits: number[] = [];
  const reported: Reported[] = jobs.map(({ name, line }) => ({ name, line, status: "skipped" }));
  const { parallel, continueOnError } = options;
  const outcomes = await runBatch<unknown>(
    jobs.map((job) => ({ run: () => runJob(job, context) })),
    {
      ...(parallel === undefined ? {} : { parallel }),
      continueOnError,
      signal,
      onOutcome: (at, outcome) => {
        const entry = reported[at];
        if (!entry || outcome.status === "skipped") return;
        const milliseconds = Math.round(outcome.milliseconds);
        if (outcome.status === "done") {
          reported[at] = { ...entry, status: "done", milliseconds, result: outcome.value };
          context.note(`${style.green("done")}   ${entry.name}: ${entry.line}`);
          return;
        }
        const { event, exit } = reportError(outcome.error, { debug: false });
        const { code, message, hint } = event;
        exits.push(exit);
        reported[at] = { ...entry, status: "failed", milliseconds, error: { code, message, hint, exit } };
        context.note(`${style.red("failed")} ${entry.name}: ${message}`);
      },
    },
  );
  const count = (status: Reported["status"]): number => outcomes.filter((outcome) => outcome.status === status).length;
  const [done, failed, skipped] = [count("done"), count("failed"), count("skipped")];
  const report = { done, failed, skipped, jobs: reported };
  if (options.report !== undefined) {
    const bytes = Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`);
    await writeOutputFile(
      resolvePath(options.report, context),
      (async function* () {
        yield bytes;
      })(),
      signal,
    );
  }
  const total = `${formatCount(done, "job")} done, ${failed} failed, ${skipped} skipped`;
  const failures = reported.filter(({ status }) => status === "failed").map(failureLine);
  out.result(report, [...failures, total], failures);
  if (failed === 0) return;
  const first = outcomes.find((outcome) => outcome.status === "failed");
  if (done === 0 && first?.status === "failed") throw first.error;
  throw new OciError("PARTIAL", `${failed} of ${formatCount(jobs.length, "job")} failed, ${done} were done`);
}

async function runJob(job: BatchJob, context: Context): Promise<unknown> {
  await using ending = new Ending();
  const { context: own, printed } = jobContext(context, job.name, ending);
  await ending.run(() => job.run(own), own);
  return printed.value();
}

function failureLine({ name, line, error }: Reported): string {
  const message = error && "message" in error ? String(error.message) : "it failed";
  return `failed ${name} (${line}): ${message}`;
}
