import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, Cut, networkClient } from "../../test/faults/client.ts";
import { Ledger } from "../../test/faults/ledger.ts";
import { depot } from "../../test/faults/medium.ts";
import { OPERATIONS, type Place, prepare } from "../../test/faults/operations.ts";
import { Refused, Session } from "../../test/faults/session.ts";
import { seeded } from "../../test/support/random.ts";
import { MountNamespace } from "./namespace.ts";
import type { Outcome, Part, PartContext } from "./part.ts";
import { type Server, startServer } from "./server.ts";
import type { Tally } from "./table.ts";
import { isInstalled, isRoot } from "./tools.ts";

const ROUNDS = 16;
/** File systems that can be shut down as if the power were gone. */
const FILE_SYSTEMS = [
  { name: "ext4", make: ["mkfs.ext4", "-q"], from: "e2fsprogs" },
  { name: "xfs", make: ["mkfs.xfs", "-q"], from: "xfsprogs" },
] as const;
/** Garbage is collected all the time; what was deleted some rounds ago is old enough. */
const GC = ["--gc-interval", "100ms", "--gc-grace", "5s", "--progress", "json"] as const;
/** Clients that push while the power goes. */
const CLIENTS = 4;
/** Milliseconds after which the power is gone, at most. */
const LONGEST = 1200;
const IMAGE_SIZE = 1024 * 1024 * 1024;

interface Pusher {
  readonly ledger: Ledger;
  readonly place: Place;
}

export const power: Part = {
  name: "power",
  about:
    "the file system under a server is shut down at random points, with and without what its journal holds in memory",
  async run(context): Promise<Outcome> {
    if (!isRoot()) return { skipped: "it needs root, for a file system of its own" };
    for (const [tool, from] of [
      ...FILE_SYSTEMS.map(({ make, from }) => [make[0], from] as const),
      ["xfs_io", "xfsprogs"],
      ["unshare", "util-linux"],
    ] as const) {
      if (!(await isInstalled(tool))) return { skipped: `${tool} is not on PATH: apt-get install ${from}` };
    }
    await using namespace = await MountNamespace.open();
    const counts: Counts = { losses: 0, acknowledged: 0, checked: 0, collected: 0 };
    for (const { name, make } of FILE_SYSTEMS) {
      const base = join(context.base, name);
      await mkdir(base);
      await lose({ ...context, base }, namespace, { name, make }, counts);
    }
    return { counts: { ...counts } };
  },
};

interface Counts {
  losses: number;
  acknowledged: number;
  checked: number;
  /** Blobs that garbage collection removed meanwhile. */
  collected: number;
}

async function lose(
  context: PartContext,
  namespace: MountNamespace,
  { name, make: [maker, ...args] }: { readonly name: string; readonly make: readonly [string, ...string[]] },
  counts: Counts,
): Promise<void> {
  const random = seeded(context.seed);
  const image = join(context.base, "image");
  const mounted = join(context.base, "mounted");
  const root = join(mounted, "root");
  await mkdir(mounted);
  await writeFile(image, "");
  await truncate(image, IMAGE_SIZE);
  await namespace.run(maker, ...args, image);
  const row = (isWritten: boolean): Tally =>
    context.table.row(
      "everything, garbage collection beside",
      `power lost, journal ${isWritten ? "written" : "lost as well"}`,
      `a depot on ${name}`,
    );
  const mount = (): Promise<void> => namespace.run("mount", "-o", "loop", image, mounted);
  await mount();
  await namespace.run("mkdir", root);
  const env = { NODE_COMPILE_CACHE: join(context.base, "compiled") };
  const start = (): Promise<Server> => startServer(root, { prefix: namespace.prefix, args: GC, env });
  let pushers: Pusher[] = [];
  let last = row(false);
  for (let round = 1; round <= ROUNDS; round += 1) {
    {
      await using server = await start();
      await using client = networkClient(server.url);
      await verify(client, { pushers, counts, context, row: last });
      const isWritten = round % 3 === 0;
      last = row(isWritten);
      pushers = Array.from({ length: CLIENTS }, (_, at) => pusher(round, at));
      const pushing = pushers.map((each) => push(client, each));
      await sleep(random() * LONGEST);
      // -f: what the journal holds in memory is written first.
      await namespace.run("xfs_io", "-x", "-c", isWritten ? "shutdown -f" : "shutdown", mounted);
      counts.losses += 1;
      last.points += 1;
      last.effective += 1;
      await server.stop("SIGKILL");
      for (const acknowledged of await Promise.all(pushing)) {
        counts.acknowledged += acknowledged;
        last.acknowledged += acknowledged;
      }
      counts.collected += collectedBy(server);
    }
    await namespace.run("umount", mounted);
    await mount();
  }
  {
    await using server = await start();
    await using client = networkClient(server.url);
    await verify(client, { pushers, counts, context, row: last });
    await server.stop("SIGTERM");
    counts.collected += collectedBy(server);
  }
  const copy = join(context.base, "copy");
  await namespace.run("cp", "-a", root, copy);
  // What a collection had begun is ended by the next one.
  await depot.collect(copy);
  for (const finding of await depot.findings(copy)) context.violation(finding, last);
  await namespace.run("umount", mounted);
}

/** How many blobs a server said that it removed. */
function collectedBy(server: Server): number {
  const found = server.stderr().matchAll(/"type":"collected".*?"removed":(\d+)/g);
  return [...found].reduce((sum, [, removed]) => sum + Number(removed), 0);
}

function pusher(round: number, at: number): Pusher {
  const name = `r${round}c${at}`;
  return { ledger: new Ledger(), place: { here: `team/${name}`, there: `other/${name}`, name } };
}

/** Works until the power is gone, and returns how much of it was acknowledged. */
async function push(client: Client, { ledger, place }: Pusher): Promise<number> {
  const session = new Session(client, ledger);
  try {
    await prepare(session, place);
    for (let turn = 0; ; turn += 1) {
      for (const operation of Object.values(OPERATIONS)) {
        await operation(session, { ...place, name: `${place.name}t${turn}` });
      }
    }
  } catch (error) {
    if (error instanceof Cut || error instanceof Refused) return session.acknowledged;
    throw error;
  }
}

interface Verification {
  readonly pushers: readonly Pusher[];
  readonly counts: Counts;
  readonly context: PartContext;
  readonly row: Tally;
}

async function verify(client: Client, { pushers, counts, context, row }: Verification): Promise<void> {
  for (const { ledger, place } of pushers) {
    try {
      ledger.expectGarbage();
      await ledger.check(client);
      counts.checked += ledger.size;
      row.kept += ledger.size;
      const session = new Session(client, ledger);
      await prepare(session, place);
      for (const operation of Object.values(OPERATIONS)) await operation(session, place);
      ledger.expectGarbage();
      await ledger.check(client);
    } catch (error) {
      context.violation(`After the power came back: ${place.here}: ${String(error)}`, row);
    }
  }
}
