import { ERROR_FACTS, type ErrorCode, type ErrorFacts } from "./code.ts";

/** Where and on what an operation failed; every field is safe to print. */
export interface ErrorContext {
  readonly operation?: string;
  readonly side?: "source" | "target";
  readonly reference?: string;
  readonly digest?: string;
  /** HTTP status the other side answered with. */
  readonly status?: number;
  /** Replaces the table's hint where the place of failure knows better. */
  readonly hint?: string;
  /** Machine-readable detail for the `detail` field of a server's error body. */
  readonly detail?: unknown;
}

export interface OciErrorOptions extends ErrorContext {
  readonly cause?: unknown;
}

/**
 * The one error that berth throws. `message` is a sentence for people (capital
 * first, no final period, what was expected and what came); `code` is for programs.
 */
export class OciError extends Error {
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, options: OciErrorOptions = {}) {
    const { cause, ...context } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.name = "OciError";
    this.code = code;
    this.context = context;
  }

  get facts(): ErrorFacts {
    return ERROR_FACTS[this.code];
  }

  get hint(): string {
    return this.context.hint ?? this.facts.hint;
  }
}

/**
 * Tells whether a value is an OciError, also one from a second copy of the
 * package; with codes given, whether it is one of those.
 */
export function isOciError(value: unknown, ...codes: readonly ErrorCode[]): value is OciError {
  if (!(value instanceof Error) || value.name !== "OciError" || !("code" in value)) return false;
  const code: unknown = value.code;
  if (typeof code !== "string" || !Object.hasOwn(ERROR_FACTS, code)) return false;
  return codes.length === 0 || (codes as readonly string[]).includes(code);
}

/** Adds context to an OciError on its way up; anything else passes through untouched. */
export function withContext(error: unknown, context: ErrorContext): unknown {
  if (!isOciError(error)) return error;
  return new OciError(error.code, error.message, { ...context, ...error.context, cause: error.cause ?? error });
}
