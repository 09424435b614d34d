import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Disk, EntryStat } from "../disk/disk.ts";

/** Milliseconds after which something without a living owner may go; it takes its owner less to lock it. */
const AGE = 60_000;

/** The name of something temporary beside an archive. */
export function temporaryPath(archive: string, random: string, kind: "tmp" | "stage"): string {
  return join(dirname(archive), `.${basename(archive).slice(0, 100)}.${random}.${kind}`);
}

/** Locked by its owner as long as that lives. */
export const STAGE_LOCK = "lock";

/** Removes what dead processes left beside an archive. It fails in silence: nothing depends on it. */
export async function removeRemains(disk: Disk, archive: string): Promise<void> {
  const prefix = `.${basename(archive).slice(0, 100)}.`;
  try {
    for await (const { name, type } of disk.readdir(dirname(archive))) {
      const kind = name.startsWith(prefix) ? /^[0-9a-f]{16}\.(tmp|stage)$/.exec(name.slice(prefix.length))?.[1] : "";
      const path = join(dirname(archive), name);
      if (kind === "tmp" && type === "file" && (await isDead(disk, path))) await disk.unlink(path);
      if (kind === "stage" && type === "directory" && (await isDead(disk, join(path, STAGE_LOCK)))) {
        await rm(path, { recursive: true, force: true });
      }
    }
  } catch {
    // Another user's, or another process was faster.
  }
}

async function isDead(disk: Disk, path: string): Promise<boolean> {
  const found = await disk.lstat(path);
  if (found === undefined || !isOld(found)) return false;
  const file = await disk.open(path, "resume");
  if (file === undefined) return false;
  await using open = file;
  return await open.tryLock();
}

function isOld({ modifiedNs }: EntryStat): boolean {
  return Date.now() - Number(modifiedNs / 1_000_000n) > AGE;
}
