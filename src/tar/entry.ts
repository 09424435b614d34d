/** What an entry of a tar is; other kinds are refused when written and reported as "other" when read. */
export type TarEntryType =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character-device"
  | "block-device"
  | "fifo"
  | "other";

/** One entry of a tar as its headers describe it. */
export interface TarEntry {
  /** As written in the archive, without a trailing slash. Not checked: a stranger chose it. */
  readonly path: string;
  readonly type: TarEntryType;
  /** Permission bits, setuid, setgid and sticky included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  /** Seconds since 1970; may have a fraction. */
  readonly modifiedAt: number;
  /** Bytes of content that follow. */
  readonly size: number;
  /** Of a symlink or hard link. Not checked. */
  readonly linkPath?: string;
}
