/** Image layouts on disk. */
export type { Disk } from "../disk/disk.ts";
export { type FolderOptions, openLayoutFolder } from "./folder.ts";
export type { Finding, FindingCode, FsckEvent, FsckReport, Severity } from "./fsck-report.ts";
export { fsckLayout, type FsckOptions } from "./fsck.ts";
export { type LayoutOptions, openLayout } from "./open-layout.ts";
