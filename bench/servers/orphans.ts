import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Server } from "./server.ts";

export const LITTERED = "bench/gc";
const SIZE = 1024;
/** Files written at once. */
const TOGETHER = 64;
/** Seconds; longer than any grace. */
const AGE = 7 * 24 * 60 * 60;

async function write(folder: string, name: string, bytes: Uint8Array | string, mode: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), bytes, { mode });
  const then = Date.now() / 1000 - AGE;
  await utimes(join(folder, name), then, then);
}

/** Where a blob lies in the storage of each, and what else tells that the repository holds it. */
const PLACES: Readonly<Record<string, (data: string, hex: string, bytes: Uint8Array) => Promise<void>>> = {
  async berth(data, hex, bytes) {
    await write(join(data, LITTERED, "blobs", "sha256"), hex, bytes, 0o444);
  },
  async distribution(data, hex, bytes) {
    const root = join(data, "docker", "registry", "v2");
    await write(join(root, "blobs", "sha256", hex.slice(0, 2), hex), "data", bytes, 0o644);
    await write(join(root, "repositories", LITTERED, "_layers", "sha256", hex), "link", `sha256:${hex}`, 0o644);
  },
};

/**
 * Leaves blobs of 1 KiB that nothing refers to, a week old, as the files that the server itself would
 * have written: through the API it would take a minute each round. Returns where one of them lies.
 */
export async function litter(server: Server, many: number): Promise<void> {
  const place = PLACES[server.name];
  if (!place) throw new Error(`Nobody knows how ${server.name} keeps a blob`);
  let left = many;
  async function work(): Promise<void> {
    while (left-- > 0) {
      const bytes = randomBytes(SIZE);
      await place?.(server.data, createHash("sha256").update(bytes).digest("hex"), bytes);
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, work));
}

/** How many blobs a server has on disk. */
export async function countBlobs({ name, data }: Server): Promise<number> {
  if (name === "berth") return (await readdir(join(data, LITTERED, "blobs", "sha256"))).length;
  const root = join(data, "docker", "registry", "v2", "blobs", "sha256");
  let count = 0;
  for (const prefix of await readdir(root)) {
    for (const hex of await readdir(join(root, prefix))) {
      // The folder of a blob that is gone may stay behind.
      const found = await stat(join(root, prefix, hex, "data")).catch(() => undefined);
      if (found) count += 1;
    }
  }
  return count;
}
