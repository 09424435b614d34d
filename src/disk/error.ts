import { OciError, isOciError } from "../error/oci-error.ts";

/** The system's own word for a failure, such as ENOENT; undefined when there is none. */
export function errnoOf(error: unknown): string | undefined {
  const origin = isOciError(error) ? error.cause : error;
  if (!(origin instanceof Error) || !("code" in origin)) return undefined;
  return typeof origin.code === "string" ? origin.code : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the quota is used up",
  EISDIR: "it is a directory",
  EIO: "the device reported an input/output error",
  ELOOP: "it is a symbolic link",
  EMFILE: "too many open files in this process",
  ENFILE: "too many open files on this machine",
  ENOENT: "it does not exist",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
};

/**
 * Turns a failed system call into an OciError: NO_SPACE for a full disk or quota,
 * IO for all others. A failure that says nothing about existence never becomes "not found".
 */
export function diskError(cause: unknown, operation: string, path: string): OciError {
  if (isOciError(cause)) return cause;
  const errno = errnoOf(cause);
  const full = errno === "ENOSPC" || errno === "EDQUOT";
  const reason = (errno === undefined ? undefined : REASONS[errno]) ?? errno ?? "unknown failure";
  return new OciError(full ? "NO_SPACE" : "IO", `Cannot ${operation} ${JSON.stringify(path)}: ${reason}`, {
    operation,
    cause,
  });
}
