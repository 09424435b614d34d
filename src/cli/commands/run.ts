import { isOciError, OciError } from "../../error/oci-error.ts";
import { batchOptions } from "../batch-options.ts";
import type { BatchJob } from "../batch-run.ts";
import { type Command, defineCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { readInput } from "../input.ts";
import type { JobLine } from "../job-file.ts";
import { required } from "../option.ts";
import { dryRun } from "../shared-options.ts";

/** What serves until it is stopped, or would begin anew, is no job. */
const NO_JOBS: ReadonlySet<string> = new Set(["run", "serve", "completion"]);

export const command: Command = defineCommand({
  about:
    "Runs the command lines of FILE in one process, over one set of connections, tokens and manifests, several at a time and in no particular order. FILE is YAML or JSON (a list of jobs, or a mapping with jobs, parallel and continueOnError) or JSON lines. A job is a line as on the shell without the berth (quotes and backslashes work, nothing else has a meaning), a list of words, or { name, run }. All lines are read before the first runs. The report tells of each job; with some done and some failed the exit code is 9.",
  arguments: { file: required("FILE", "the jobs; - is standard input") },
  options: { ...batchOptions, dryRun },
  examples: [
    { about: "Do what a file says, and write down how it went", line: "berth run mirror.yaml --report report.json" },
    {
      about: "Go on when one fails, eight at a time",
      line: "berth run jobs.jsonl --continue-on-error --parallel 8 --json",
    },
  ],
  writes: true,
  async run({ file }, options, context) {
    const [{ JOB_FILE_LIMIT, parseJobFile }, { runJobs }] = await Promise.all([
      import("../job-file.ts"),
      import("../batch-run.ts"),
    ]);
    const bytes = await readInput(file, JOB_FILE_LIMIT, `file of jobs ${file}`, context);
    const { jobs, parallel, continueOnError } = await parseJobFile(Buffer.from(bytes).toString("utf8"), file);
    const prepared: BatchJob[] = [];
    for (const job of jobs) prepared.push(await prepare(job, options.dryRun, context));
    await runJobs(
      prepared,
      {
        report: options.report,
        parallel: options.parallel ?? parallel,
        continueOnError: options.continueOnError || continueOnError === true,
      },
      context,
    );
  },
});

/** Reads a job's line to the end, so that a mistake in the last one is told before the first runs. */
async function prepare({ name, words }: JobLine, dryRun: boolean, context: Context): Promise<BatchJob> {
  const read = await context.readLine(words).catch((error: unknown) => {
    if (!isOciError(error)) throw error;
    throw new OciError(error.code, `Job ${name}: ${error.message}`, { ...error.context, cause: error });
  });
  if (NO_JOBS.has(read.name)) throw new OciError("USAGE", `Job ${name}: berth ${read.name} is no job`);
  return { name, line: words.join(" "), words, run: (own) => read.run(own, { dryRun }) };
}
