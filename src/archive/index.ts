/** Image layouts in a tar. */
export type { Disk } from "../disk/disk.ts";
export { type ArchiveOptions, type ArchiveStore, openArchive } from "./open-archive.ts";
