import type { BigIntStats, Dirent, Stats } from "node:fs";
import type { EntryType } from "./disk.ts";

/** What a file system or its rules answer when they cannot link or clone, as against failing at it. */
export const CANNOT_SHARE: ReadonlySet<string> = new Set([
  "EXDEV",
  "EMLINK",
  "EPERM",
  "EACCES",
  "EEXIST",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EINVAL",
  "ENOTTY",
]);

/** What the system answers those who may not change a file. */
export const MAY_NOT: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS"]);

/** "There is nothing": an answer, never an error. */
export function isAbsent(errno: string): boolean {
  return errno === "ENOENT" || errno === "ENOTDIR";
}

/** "It is not empty", or not there: why a directory stays. */
export function isOccupied(errno: string): boolean {
  return isAbsent(errno) || errno === "ENOTEMPTY" || errno === "EEXIST";
}

export function typeOf(entry: Dirent | BigIntStats | Stats): EntryType {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  return entry.isSymbolicLink() ? "symlink" : "other";
}
