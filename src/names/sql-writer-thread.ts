import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { applyBatch, type SqlAnswer } from "./sql-batch.ts";
import type { SqlJob } from "./sql-database.ts";
import { failureOf } from "./sql-error.ts";
import { reserveJournal } from "./sql-reserve.ts";
import { SqlSession } from "./sql-session.ts";

/** What the writer is asked: jobs by number, or to end. */
export type WriterRequest = { readonly id: number; readonly job: SqlJob } | "close";

/** What it answers. */
export type WriterReply = readonly { readonly id: number; readonly answer: SqlAnswer }[];

/** Jobs of one commit; those behind them wait for the next. */
const MOST_JOBS = 512;

const port = parentPort;
const path: unknown = workerData;
let session: SqlSession | undefined;
/** The one whose journal has its length. */
let reserved: SqlSession | undefined;

/** Takes everything that waits, up to the most that one commit takes. */
function gather(first: WriterRequest): { readonly batch: { id: number; job: SqlJob }[]; readonly ends: boolean } {
  const batch: { id: number; job: SqlJob }[] = [];
  let next: WriterRequest | undefined = first;
  while (next !== undefined) {
    if (next === "close") return { batch, ends: true };
    batch.push(next);
    if (batch.length >= MOST_JOBS || !port) break;
    next = receiveMessageOnPort(port)?.message;
  }
  return { batch, ends: false };
}

function apply(jobs: readonly SqlJob[]): readonly SqlAnswer[] {
  try {
    session ??= new SqlSession(String(path));
    return applyBatch(session, jobs);
  } catch (error) {
    // The connection itself is of no more use; the next batch gets a new one.
    session?.close();
    session = undefined;
    const failure = failureOf(error);
    return jobs.map(() => ({ failure }));
  }
}

port?.on("message", (first: WriterRequest) => {
  const { batch, ends } = gather(first);
  if (batch.length > 0) {
    const answers = apply(batch.map(({ job }) => job));
    const reply: WriterReply = batch.flatMap(({ id }, at) => {
      const answer = answers[at];
      return answer ? [{ id, answer }] : [];
    });
    port.postMessage(reply);
  }
  // Behind the first answer, which need not wait for it.
  if (session !== undefined && session !== reserved) reserveJournal(session.database);
  reserved = session;
  if (!ends) return;
  session?.close();
  port.close();
});
