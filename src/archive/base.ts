import { TarBlobs } from "../blobs/tar.ts";
import type { Disk } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import { emptyLayoutIndex, type LayoutIndex } from "../spec/layout-index.ts";
import type { Blobs } from "../store/blobs.ts";
import { type ArchiveFile, type ArchiveFileOptions, openArchiveFile } from "./archive-file.ts";
import { type ArchiveEntries, blobPlaces, readEntries } from "./entries.ts";
import { formOf, readLayoutIndex } from "./layout-base.ts";

/** What an archive holds on the disk. */
export interface Base {
  /** Undefined: there is none yet. */
  readonly entries: ArchiveEntries | undefined;
  readonly index: LayoutIndex;
  readonly blobs: Blobs | undefined;
}

export const emptyBase: Base = { entries: undefined, index: emptyLayoutIndex, blobs: undefined };

/** Reads what lies where in a layout's tar. @throws OciError ARCHIVE_INVALID, LAYOUT_INVALID, UNSUPPORTED */
export async function layoutBase(entries: ArchiveEntries, options: ArchiveFileOptions = {}): Promise<Base> {
  const { archive } = entries;
  if (formOf(entries) === "docker") {
    throw new OciError("UNSUPPORTED", `${JSON.stringify(archive.path)} is a docker archive, which cannot be changed`, {
      hint: `Copy it into a layout, and change that: berth copy docker-archive:${archive.path} ocidir://layout`,
    });
  }
  return {
    entries,
    index: await readLayoutIndex(entries, options),
    blobs: new TarBlobs(archive.file, archive.path, blobPlaces(entries)),
  };
}

/** Opens the layout in a tar; the empty base where there is no file. */
export async function openBase(disk: Disk, path: string, options: ArchiveFileOptions): Promise<Base> {
  const archive = await openArchiveFile(disk, path, options);
  return archive === undefined ? emptyBase : await readBase(archive, options);
}

/** Reads the layout in an archive that is open; it is closed when that fails. */
export async function readBase(archive: ArchiveFile, options: ArchiveFileOptions): Promise<Base> {
  try {
    return await layoutBase(await readEntries(archive, options), options);
  } catch (error) {
    await archive.file[Symbol.asyncDispose]();
    throw error;
  }
}
