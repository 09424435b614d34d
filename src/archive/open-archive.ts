import type { Disk } from "../disk/disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import type { Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";
import { Archive, noArchive, type Packer } from "./archive.ts";
import { openBase } from "./base.ts";
import { packLayout } from "./pack.ts";
import { realArchivePath } from "./real-path.ts";

export interface ArchiveOptions extends Signal {
  /** Makes the archive where there is none, with the first commit. False by default. */
  readonly create?: boolean;
  /** Refuses to write. */
  readonly readOnly?: boolean;
  readonly disk?: Disk;
  /** Milliseconds to wait for other processes that write; 60,000 by default. */
  readonly lockTimeout?: number;
  /** Bytes of the temporary file that a compressed archive is unpacked into. */
  readonly spoolLimit?: number;
}

/** A layout in a tar. What is changed is seen here at once, and by others after {@link commit}. */
export interface ArchiveStore extends Store {
  /**
   * Writes all changes in one step; disposing without it drops them.
   * @throws OciError CONFLICT, LOCKED, NO_SPACE, IO
   */
  commit(options?: Signal): Promise<void>;
}

/** Packs a plain layout; what `docker load` wants is left out, as nobody asked for it. */
export const layoutPacker: Packer = async (contents, options) =>
  packLayout({ ...contents, manifestJson: undefined }, options);

/**
 * Opens a layout in a tar. A plain one is read in place; one that is compressed is unpacked into a temporary file.
 * @throws OciError NAME_UNKNOWN where there is none, FILE_INVALID, ARCHIVE_INVALID, LAYOUT_INVALID, LIMIT_EXCEEDED,
 *   UNSUPPORTED for a docker archive, IO
 */
export async function openArchive(path: string, options: ArchiveOptions = {}): Promise<ArchiveStore> {
  const disk = options.disk ?? nodeDisk;
  const real = await realArchivePath(path);
  const base = await openBase(disk, real, options);
  if (base.entries === undefined && !options.create) throw noArchive(path);
  const archive = new Archive({
    disk,
    path: real,
    base,
    pack: layoutPacker,
    readOnly: options.readOnly ?? false,
    ...(options.lockTimeout === undefined ? {} : { lockTimeout: options.lockTimeout }),
    ...(options.spoolLimit === undefined ? {} : { spoolLimit: options.spoolLimit }),
  });
  return Object.assign(archive.store, { commit: (signal?: Signal) => archive.commit(signal) });
}
