import type { ErrorCode } from "../error/code.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { SqlJob, SqlOutcome } from "../names/sql-database.ts";
import type { FollowEvent } from "./follow-event.ts";
import type { FollowAnswer, FollowTask } from "./follow-task.ts";

/** What the following thread is given when it starts. */
export interface FollowThreadData {
  readonly root: string;
  /** The catalog's file. */
  readonly catalog: string;
}

/** A failure on its way between two threads. */
export interface FollowFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** To the thread: a task, the outcome of what it wrote, the end. */
export type FollowRequest =
  | { readonly type: "task"; readonly id: number; readonly task: FollowTask }
  | { readonly type: "written"; readonly id: number; readonly outcome: SqlOutcome | FollowFailure }
  | { readonly type: "close" };

/** From the thread: answers, what it wants written (the catalog has one writer), what it tells. */
export type FollowReply =
  | { readonly type: "done"; readonly id: number; readonly answer: FollowAnswer | FollowFailure }
  | { readonly type: "write"; readonly id: number; readonly job: SqlJob }
  | { readonly type: "event"; readonly event: FollowEvent };

export function failureFrom(error: unknown): FollowFailure {
  const message = error instanceof Error ? error.message : String(error);
  return { code: isOciError(error) ? error.code : "INTERNAL", message };
}

/** @throws OciError for a failure */
export function unwrap<T extends object>(value: T | FollowFailure): T {
  if ("code" in value && "message" in value) throw new OciError(value.code, value.message);
  return value;
}
