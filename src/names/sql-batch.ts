import type { SqlJob, SqlOutcome, SqlRow } from "./sql-database.ts";
import { failureOf, type SqlFailure } from "./sql-error.ts";
import type { SqlSession } from "./sql-session.ts";

export type SqlAnswer = { readonly outcome: SqlOutcome } | { readonly failure: SqlFailure };

/**
 * Applies many jobs with one commit. A job that fails or whose check does not hold is rolled back alone; when the
 * commit fails, every job has failed.
 */
export function applyBatch(session: SqlSession, jobs: readonly SqlJob[]): readonly SqlAnswer[] {
  const { database } = session;
  const answers: SqlAnswer[] = [];
  try {
    database.exec("BEGIN IMMEDIATE");
    for (const job of jobs) answers.push(applyJob(session, job));
    database.exec("COMMIT");
    return answers;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    const failure = failureOf(error);
    return jobs.map(() => ({ failure }));
  }
}

function applyJob(session: SqlSession, job: SqlJob): SqlAnswer {
  const { database } = session;
  database.exec("SAVEPOINT job");
  try {
    const outcome = run(session, job);
    database.exec("RELEASE job");
    return { outcome };
  } catch (error) {
    // A full disk ends the whole transaction, and with it what the jobs before this one did.
    if (!database.isTransaction) throw error;
    database.exec("ROLLBACK TO job; RELEASE job");
    return { failure: failureOf(error) };
  }
}

function run(session: SqlSession, { checks = [], statements }: SqlJob): SqlOutcome {
  for (const [at, { sql, values, equals }] of checks.entries()) {
    const row = session.get(sql, values);
    const found = (row && Object.values(row)[0]) ?? null;
    if (!isSame(found, equals)) return { failedCheck: at, found };
  }
  const rows: (readonly SqlRow[])[] = [];
  for (const { sql, values } of statements) rows.push(session.all(sql, values));
  return { rows };
}

function isSame(left: unknown, right: unknown): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  return left === right;
}
