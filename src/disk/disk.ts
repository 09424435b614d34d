import type { FileHandle } from "node:fs/promises";

/** What a path is, never following a link. */
export type EntryType = "file" | "directory" | "symlink" | "other";

export interface EntryStat {
  readonly type: EntryType;
  /** Bytes. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  /** Names that the file has. */
  readonly links: number;
  /** Device and inode: the identity of a file. */
  readonly device: bigint;
  readonly inode: bigint;
  /** Nanoseconds since 1970. */
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** As much of an entry as a look at it tells. */
export interface Glance {
  readonly type: EntryType;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** Of whatever can be changed about it; nobody can set this one. */
  readonly changed: number;
}

/**
 * An open file. Positions are bytes from the start. Disposing closes it and never fails: what has to
 * last was made durable before, and whatever failed before is what has to be told.
 */
export interface DiskFile extends AsyncDisposable {
  /** For those who send the file without copying it; writes never go through it. */
  readonly handle: FileHandle;
  stat(): Promise<EntryStat>;
  /** Fills as much of the buffer as the file has; fewer bytes than asked mean its end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(size: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  /** Makes the content durable. When it fails the content is lost: never call it again on this file. */
  datasync(): Promise<void>;
  /** Takes the operating system's exclusive lock, which dies with this process; false when another holds it. */
  tryLock(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * How a file is opened. "read": must exist; "create": must not exist; "resume": must exist, read and write; "lock": made if absent.
 * A symbolic link as the last part of the path is an error in every case.
 */
export type OpenMode = "read" | "create" | "resume" | "lock";

/**
 * The file-system calls that everything durable goes through, so that a test can
 * make any of them fail. Every failure is an OciError NO_SPACE or IO; "not
 * there" is an answer (undefined, false), never an error, and no other failure
 * becomes one.
 */
export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile | undefined>;
  /** Undefined: nothing there. */
  lstat(path: string): Promise<EntryStat | undefined>;
  /**
   * Looks at once, on this thread: 2 µs where the names are in memory, against 20 µs and two
   * changes of thread. For one path that somebody waits for; walks over many use lstat.
   */
  look(path: string): Glance | undefined;
  readdir(path: string): AsyncIterable<{ readonly name: string; readonly type: EntryType }>;
  /** Makes one directory; false: it was there. */
  mkdir(path: string): Promise<boolean>;
  /** Atomic; replaces the target. */
  rename(source: string, target: string): Promise<void>;
  /** False: this file system, its limits or its rules do not allow it, or the target exists. */
  link(source: string, target: string): Promise<boolean>;
  /** Makes `target` share the blocks of `source`; false where the file system cannot. */
  clone(source: string, target: string): Promise<boolean>;
  /**
   * Says that a file is in use: its time of modification becomes now, never through a link. False:
   * was not there. Where this process may not change it, nothing happens.
   */
  touch(path: string): Promise<boolean>;
  /** False: was not there. */
  unlink(path: string): Promise<boolean>;
  /** Removes an empty directory; false: was not there, or is not empty. */
  rmdir(path: string): Promise<boolean>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
}
