import { inspect } from "node:util";
import { Exit } from "../error/code.ts";
import { isOciError, OciError } from "../error/oci-error.ts";

/** What an error comes to at the shell. */
export interface Report {
  readonly exit: number;
  /** Lines for stderr, not escaped yet. */
  readonly lines: readonly string[];
  /** The same for programs. */
  readonly event: {
    readonly type: "error";
    readonly code: string;
    readonly message: string;
    readonly hint: string;
  };
}

const DISK: Readonly<Record<string, string>> = {
  EACCES: "Permission denied",
  EPERM: "Operation not permitted",
  EROFS: "The file system is read-only",
  EIO: "The disk failed",
  EMFILE: "Too many open files",
  ENFILE: "Too many open files",
};
const PATH: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory",
  EISDIR: "Is a directory",
  ENOTDIR: "Not a directory",
  EEXIST: "Exists already",
  ENAMETOOLONG: "The name is too long",
  ELOOP: "Too many symbolic links",
};

/** Gives an error that came from below without a code of ours the one it deserves. */
function classify(error: unknown): OciError {
  if (isOciError(error)) return error;
  if (!(error instanceof Error))
    return new OciError("INTERNAL", `Unexpected error: ${inspect(error)}`, { cause: error });
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const path = "path" in error && typeof error.path === "string" ? `: ${error.path}` : "";
  if (code === "ENOSPC" || code === "EDQUOT") return new OciError("NO_SPACE", `No space left${path}`, { cause: error });
  if (DISK[code] !== undefined) return new OciError("IO", `${DISK[code]}${path}`, { cause: error });
  if (PATH[code] !== undefined) return new OciError("FILE_INVALID", `${PATH[code]}${path}`, { cause: error });
  return new OciError("INTERNAL", `Unexpected error: ${error.message}`, { cause: error });
}

function chain(error: unknown): string[] {
  const lines: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && depth < 8; depth += 1) {
    const text = current instanceof Error ? (current.stack ?? current.message) : inspect(current);
    lines.push(...text.split("\n").map((line) => `  ${line.trim()}`));
    current = current instanceof Error ? current.cause : undefined;
  }
  return lines;
}

/**
 * Says what to print and how to exit. `interrupted` is the signal's exit code when a signal came
 * first: whatever failed after that failed because of it.
 */
export function reportError(error: unknown, options: { debug: boolean; interrupted?: number | undefined }): Report {
  const known =
    options.interrupted !== undefined && !isOciError(error, "INTERRUPTED")
      ? new OciError("INTERRUPTED", "Interrupted", { cause: error })
      : classify(error);
  const { reference, digest, side, operation, status } = known.context;
  const hint = known.hint;
  const details = Object.entries({ code: known.code, operation, side, reference, digest, status })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `  ${key}: ${value}`);
  return {
    exit: options.interrupted ?? known.facts.exit ?? Exit.Failed,
    lines: [`berth: ${known.message}`, `hint: ${hint}`, ...(options.debug ? [...details, ...chain(known)] : [])],
    event: { type: "error", code: known.code, message: known.message, hint },
  };
}
