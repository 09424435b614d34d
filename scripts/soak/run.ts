import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { Client, type Image, part, type Part } from "./client.ts";
import { type Counts, type Kept, Pusher, type World } from "./pusher.ts";
import { Random } from "./random.ts";
import { type Collections, startServer } from "./served.ts";

export interface SoakOptions {
  /** How long clients push and delete. */
  readonly seconds: number;
  readonly seed: number;
  /** Milliseconds that content rests before it is removed. */
  readonly grace?: number;
  readonly onProgress?: (line: string) => void;
}

export interface SoakReport {
  readonly counts: Counts;
  readonly collections: Collections;
  /** Manifests that were acknowledged and not deleted: each was read back with everything below it. */
  readonly whole: number;
  /** Bytes of blobs: at the end of the pushing, once the garbage is gone, and when everything was deleted. */
  readonly bytes: { readonly busy: number; readonly rested: number; readonly live: number; readonly empty: number };
  /** Bytes that the server's process has in memory at the end. */
  readonly memory: number;
  /** What should not have happened. */
  readonly failures: readonly string[];
}

const REPOSITORIES = ["app", "team/app", "team/blobs"];
const CLIENTS = 4;
const LAYERS = 40;
const MOST_LAYER = 100_000;
/** On a machine that others use as well a push may take long. */
const GRACE = 6000;

/** Pushes, mounts, moves tags and deletes while garbage is collected without a pause, and looks at what is there in the end. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const root = await mkdtemp(join(tmpdir(), "berth-soak-"));
  try {
    return await soakIn(root, options);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function soakIn(root: string, { seconds, seed, grace = GRACE, onProgress }: SoakOptions): Promise<SoakReport> {
  const random = new Random(seed);
  const layers = Array.from({ length: LAYERS }, () =>
    part(random.bytes(random.below(MOST_LAYER)), "application/vnd.oci.image.layer.v1.tar"),
  );
  const counts: Counts = { pushes: 0, mounts: 0, skipped: 0, deletedTags: 0, deletedManifests: 0, late: 0 };
  const world: World = { repositories: REPOSITORIES, layers, grace, counts, failures: [] };
  await using server = await startServer(root, grace);
  const client = new Client(server.url);
  const pushers = Array.from(
    { length: CLIENTS },
    (_, at) => new Pusher(`client-${at}`, client, world, new Random(seed + at + 1)),
  );
  const end = AbortSignal.timeout(seconds * 1000);
  const report = setInterval(() => onProgress?.(progress(counts, server.collections, world)), 10_000);
  try {
    await Promise.all(pushers.map((pusher) => pusher.run(end)));
  } finally {
    clearInterval(report);
  }
  const busy = await bytesBelow(root);
  const kept = pushers.flatMap((pusher) => [...pusher.kept.values()]);
  for (const each of kept) await readBack(client, each, world.failures);
  const rested = await settle(root, grace, server.collections);
  // Lists of referrers lie there as well, which index.json names for other tools.
  await checkLayouts(root, world.failures, ["error", "orphan"]);
  for (const each of kept) await readBack(client, each, world.failures);
  const live = liveBytes(kept);
  for (const pusher of pushers) await pusher.clear();
  const empty = await settle(root, grace, server.collections);
  const memory = await server.memory();
  if ((await server.stop()) !== 0) world.failures.push("The server did not end with exit code 0");
  await checkLayouts(root, world.failures, ["error"]);
  if (empty > 0) world.failures.push(`${empty} bytes stayed when everything was deleted`);
  world.failures.push(...server.warnings);
  return {
    counts,
    collections: server.collections,
    whole: kept.length,
    bytes: { busy, rested, live, empty },
    memory,
    failures: world.failures,
  };
}

function progress(counts: Counts, { runs, removed }: Collections, { failures }: World): string {
  const [last = "none"] = failures.slice(-1);
  return `${counts.pushes} pushes, ${counts.deletedManifests} manifests deleted, ${runs} collections removed ${removed} blobs, failures: ${failures.length}, the last one: ${last}`;
}

/** Waits for the grace and two more collections; gives the bytes that are left. */
async function settle(root: string, grace: number, collections: Collections): Promise<number> {
  await sleep(grace + 500);
  const last = collections.runs + 2;
  while (collections.runs < last) await sleep(50);
  return await bytesBelow(root);
}

async function bytesBelow(root: string): Promise<number> {
  let bytes = 0;
  for (const repository of REPOSITORIES) {
    const directory = join(root, folderOf(repository), "blobs", "sha256");
    for (const name of await readdir(directory)) {
      bytes += (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0;
    }
  }
  return bytes;
}

function folderOf(repository: string): string {
  return repository.replace(/(^|\/)blobs$/, "$1_blobs");
}

/** What has to lie on the disk: the content of all manifests that are left, once in each repository. */
function liveBytes(kept: readonly Kept[]): number {
  const live = new Map<string, number>();
  const add = (repository: string, { digest, bytes }: Part): void => {
    live.set(`${repository}@${digest}`, bytes.length);
  };
  const addAll = (repository: string, image: Image): void => {
    add(repository, image);
    for (const each of image.parts) add(repository, each);
    for (const child of image.children) addAll(repository, child);
  };
  for (const { repository, image } of kept) addAll(repository, image);
  return [...live.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Everything of an image has to be there, byte for byte. */
async function readBack(client: Client, { repository, image, tag }: Kept, failures: string[]): Promise<void> {
  const manifest = await client.get(repository, "manifests", tag ?? image.digest);
  if (manifest.status !== 200 || Buffer.compare(manifest.bytes, image.bytes) !== 0) {
    failures.push(`${repository}@${image.digest} (${tag ?? "no tag"}) is not there: ${manifest.status}`);
  }
  for (const each of image.parts) {
    const blob = await client.get(repository, "blobs", each.digest);
    if (blob.status === 200 && Buffer.compare(blob.bytes, each.bytes) === 0) continue;
    failures.push(`${repository}@${each.digest} of ${image.digest} is not there: ${blob.status}`);
  }
  for (const child of image.children) await readBack(client, { repository, image: child, tag: undefined }, failures);
}

/** @param wrong severities and codes of what should not be found */
async function checkLayouts(root: string, failures: string[], wrong: readonly string[]): Promise<void> {
  for (const repository of REPOSITORIES) {
    const { findings } = await fsckLayout(join(root, folderOf(repository)));
    for (const { severity, code, message } of findings) {
      if (wrong.includes(severity) || wrong.includes(code)) failures.push(`${repository}: ${code}: ${message}`);
    }
  }
}
