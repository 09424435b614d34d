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
import { isInstalled, isRoot } from "./tools.ts";

const ROUNDS = 16;
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
      ["mkfs.ext4", "e2fsprogs"],
      ["xfs_io", "xfsprogs"],
      ["unshare", "util-linux"],
    ] as const) {
      if (!(await isInstalled(tool))) return { skipped: `${tool} is not on PATH: apt-get install ${from}` };
    }
    await using namespace = await MountNamespace.open();
    return { counts: await lose(context, namespace) };
  },
};

async function lose(context: PartContext, namespace: MountNamespace): Promise<Record<string, number>> {
  const random = seeded(context.seed);
  const image = join(context.base, "image");
  const mounted = join(context.base, "mounted");
  const root = join(mounted, "root");
  await mkdir(mounted);
  await writeFile(image, "");
  await truncate(image, IMAGE_SIZE);
  await namespace.run("mkfs.ext4", "-q", image);
  const mount = (): Promise<void> => namespace.run("mount", "-o", "loop", image, mounted);
  await mount();
  await namespace.run("mkdir", root);
  const counts = { losses: 0, acknowledged: 0, checked: 0 };
  const start = (): Promise<Server> =>
    startServer(root, { prefix: namespace.prefix, env: { NODE_COMPILE_CACHE: join(context.base, "compiled") } });
  let pushers: Pusher[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    {
      await using server = await start();
      await using client = networkClient(server.url);
      await verify(client, pushers, counts, context);
      pushers = Array.from({ length: CLIENTS }, (_, at) => pusher(round, at));
      const pushing = pushers.map((each) => push(client, each));
      await sleep(random() * LONGEST);
      // -f: what the journal holds in memory is written first.
      await namespace.run("xfs_io", "-x", "-c", round % 3 === 0 ? "shutdown -f" : "shutdown", mounted);
      counts.losses += 1;
      await server.stop("SIGKILL");
      for (const acknowledged of await Promise.all(pushing)) counts.acknowledged += acknowledged;
    }
    await namespace.run("umount", mounted);
    await mount();
  }
  {
    await using server = await start();
    await using client = networkClient(server.url);
    await verify(client, pushers, counts, context);
    await server.stop("SIGTERM");
  }
  const copy = join(context.base, "copy");
  await namespace.run("cp", "-a", root, copy);
  for (const finding of await depot.findings(copy)) context.violation(finding);
  await namespace.run("umount", mounted);
  return counts;
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

async function verify(
  client: Client,
  pushers: readonly Pusher[],
  counts: { checked: number },
  context: PartContext,
): Promise<void> {
  for (const { ledger, place } of pushers) {
    try {
      await ledger.check(client);
      counts.checked += ledger.size;
      const session = new Session(client, ledger);
      await prepare(session, place);
      for (const operation of Object.values(OPERATIONS)) await operation(session, place);
      await ledger.check(client);
    } catch (error) {
      context.violation(`After the power came back: ${place.here}: ${String(error)}`);
    }
  }
}
