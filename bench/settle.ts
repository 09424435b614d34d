import { time } from "./measure.ts";

/** Bytes: more than the jobs write at once. */
const WARM = 1.5 * 1024 ** 3;

/**
 * Makes every run begin alike. What the one before left to be written is written. And memory is touched and
 * freed once: a virtual machine gives what is free for some seconds back to its host and has to fetch it page
 * by page when it is used again, so that writing 1 GiB after a pause takes several times as long as writing
 * it once more at once.
 */
export async function settle(): Promise<void> {
  await time(["sync"]);
  await time([process.execPath, "-e", `Buffer.alloc(${WARM}, 1)`]);
}
