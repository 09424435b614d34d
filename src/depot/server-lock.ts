import { join } from "node:path";
import type { Disk, DiskFile } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";

/**
 * Takes the lock of the one process that serves a root; closing the file gives it up, and so does the end of the
 * process, however it comes.
 * @throws OciError LOCKED
 */
export async function lockRoot(disk: Disk, root: string): Promise<DiskFile> {
  const path = join(root, ".berth", "server.lock");
  const file = await disk.open(path, "lock");
  if (file === undefined) throw new OciError("INTERNAL", `A lock file could not be made at ${JSON.stringify(path)}`);
  try {
    if (await file.tryLock()) return file;
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  throw new OciError("LOCKED", `Another process serves ${JSON.stringify(root)} already`, {
    hint: "One server serves a root; stop the other one first",
  });
}
