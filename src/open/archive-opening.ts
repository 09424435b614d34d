import type { Bytes } from "../bytes/bytes.ts";

/**
 * "write": it has to exist; "create": made where it is missing; "plan": as "create", but
 * nothing is written: what is missing is an empty store in memory.
 */
export type OpenMode = "read" | "write" | "create" | "plan";

/** What opening an archive needs to know. */
export interface ArchiveOpening {
  readonly mode: OpenMode;
  /** What relative paths are relative to. */
  readonly cwd: string;
  /** What `-` is for an archive that is read, and for one that is written. */
  readonly stdin?: () => Bytes;
  readonly stdout?: (bytes: Bytes) => Promise<void>;
  /** Write the archive anew, whatever is there. */
  readonly replace?: boolean;
  /** Write a layout that `docker load` takes too; the full names of tags that stand alone. */
  readonly loadable?: Readonly<Record<string, string>>;
  /** Told what a medium leaves out, in a sentence. */
  readonly onNotice?: (text: string) => void;
  readonly signal?: AbortSignal;
}
