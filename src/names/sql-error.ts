import type { ErrorCode } from "../error/code.ts";
import { OciError } from "../error/oci-error.ts";

/** A failure on its way between two threads. */
export interface SqlFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

const CANNOT_OPEN = 14;

/** The primary result codes of SQLite that say what to do about them (sqlite.org/rescode.html). */
const CODES: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [5, "LOCKED"],
  [6, "LOCKED"],
  [8, "IO"],
  [10, "IO"],
  [11, "CONTENT_DAMAGED"],
  [13, "NO_SPACE"],
  [CANNOT_OPEN, "IO"],
  [26, "CONTENT_DAMAGED"],
]);

const DAMAGED_HINT =
  "Stop the server and rebuild the catalog from the layouts with: berth depot reindex ROOT (the damaged one is kept beside)";

/** What a failed call of the database means. */
export function failureOf(error: unknown): SqlFailure {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : 0;
  // A journal beside it is written even to read.
  const what =
    code === CANNOT_OPEN ? "The catalog cannot be opened without writing beside it" : "The catalog could not do it";
  return { code: CODES.get(code) ?? "INTERNAL", message: `${what}: ${text}` };
}

export function errorOfFailure({ code, message }: SqlFailure, cause?: unknown): OciError {
  return new OciError(code, message, {
    ...(code === "CONTENT_DAMAGED" ? { hint: DAMAGED_HINT } : {}),
    ...(cause === undefined ? {} : { cause }),
  });
}
