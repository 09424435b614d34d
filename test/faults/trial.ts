import assert from "node:assert/strict";
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { createHandler } from "../../src/server/handler.ts";
import { type Fault, type FaultyDisk, faultyDisk } from "../support/faulty-disk.ts";
import { type Client, Cut, handlerClient } from "./client.ts";
import { Ledger } from "./ledger.ts";
import type { Medium } from "./medium.ts";
import { collect, OPERATIONS, PLACE, prepare } from "./operations.ts";
import { Refused, Session } from "./session.ts";

/** Ways for a disk to fail at its n-th call. */
export const FAULTS: Readonly<Record<string, (at: number) => Fault>> = {
  "fails once (EIO)": (at) => ({ at, errno: "EIO" }),
  "is full from then on (ENOSPC)": (at) => ({ at, errno: "ENOSPC", forever: true }),
  "is gone: the process dies": (at) => ({ at, errno: "EIO", dead: true }),
};

/** What a loop over faults has done. */
export interface Counts {
  /** Runs of an operation. */
  points: number;
  /** Of them, those in which something failed. */
  injected: number;
  /** Requests that were acknowledged, and whose effect was read back. */
  acknowledged: number;
  /** Facts that were compared with what the registry answers. */
  checked: number;
}

/** @param points trials before these, after which theirs are numbered */
export function noCounts(points: number = 0): Counts {
  return { points, injected: 0, acknowledged: 0, checked: 0 };
}

/** What is tried: all that clients do, and garbage collection beside them. */
export const TRIED: readonly string[] = [...Object.keys(OPERATIONS), "garbage goes"];

/** An operation on a root, whose disk may fail. */
type Work = (session: Session, root: string, disk?: Disk) => Promise<void>;

function workOf(medium: Medium, name: string): Work {
  const operation = OPERATIONS[name];
  if (operation) return (session) => operation(session, PLACE);
  assert.equal(name, "garbage goes");
  return (session, root, disk) => collect(session, PLACE, () => medium.collect(root, disk));
}

/** A registry with some content, to be copied for each trial. */
export interface Template {
  readonly medium: Medium;
  readonly base: string;
  readonly ledger: Ledger;
}

export async function makeTemplate(medium: Medium, base: string): Promise<Template> {
  const ledger = new Ledger();
  await mkdir(join(base, "template"), { recursive: true });
  await using open = await openClient(medium, join(base, "template"));
  await prepare(new Session(open.client, ledger), PLACE);
  return { medium, base, ledger };
}

interface OpenClient extends AsyncDisposable {
  readonly client: Client;
  settle(): Promise<void>;
}

async function openClient(medium: Medium, root: string, disk?: Disk): Promise<OpenClient> {
  const { registry, settle } = await medium.open(root, disk);
  const handler = createHandler(registry);
  return {
    client: handlerClient(handler),
    settle,
    async [Symbol.asyncDispose]() {
      try {
        await handler[Symbol.asyncDispose]();
      } finally {
        await registry[Symbol.asyncDispose]();
      }
    },
  };
}

/** Runs an operation as far as it gets. */
async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused || error instanceof Cut) return;
    // Garbage collection is asked without a server between.
    if (isDiskFailure(error)) return;
    throw error;
  }
}

/**
 * One operation on a copy of the template while the disk fails once at a given call. Afterwards: what
 * was acknowledged is there, what was not is absent or whole, the same operation works, and
 * nothing is left over. False: the operation ended before that call.
 */
export async function tryFault(template: Template, name: string, fault: Fault, counts: Counts): Promise<boolean> {
  const { medium, base } = template;
  const work = workOf(medium, name);
  const root = join(base, `trial-${(counts.points += 1)}`);
  await cp(join(base, "template"), root, { recursive: true, preserveTimestamps: true });
  const ledger = template.ledger.copy();
  const disk = faultyDisk(nodeDisk, fault);
  const session = (client: Client): Session => new Session(client, ledger);
  let at = "opening";
  try {
    const open = await openFaulty(medium, root, disk);
    if (open) {
      const failing = session(open.client);
      await attempt(() => work(failing, root, disk));
      await attempt(() => open.settle());
      at = failing.at;
      counts.acknowledged += failing.acknowledged;
      // Where nothing has failed yet, the end of the process may.
      if (fault.dead !== true && disk.failed !== undefined)
        await surviving(open.client, session(open.client), disk, fault, (mended) => work(mended, root, disk));
      await end(open, disk);
    }
    const { failed } = disk;
    // Any disk but the real one: then everything is done on this thread, and starting others takes the most time.
    await using again = await openClient(medium, root, { ...nodeDisk });
    await ledger.check(again.client);
    counts.checked += ledger.size;
    await work(session(again.client), root);
    await ledger.check(again.client);
    await again[Symbol.asyncDispose]();
    assert.deepEqual(await medium.findings(root), []);
    if (failed !== undefined) counts.injected += 1;
    await rm(root, { recursive: true });
    return failed !== undefined;
  } catch (error) {
    const what = `${medium.name}, ${name}: call ${fault.at} (${disk.failed}) ${JSON.stringify(fault)}, during ${at}`;
    throw new Error(`${what}\n${String(error)}\nleft at ${root}`, { cause: error });
  }
}

/** A process that goes on: what it says is right while the disk fails and after, and it needs no restart. */
async function surviving(
  client: Client,
  session: Session,
  disk: FaultyDisk,
  fault: Fault,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  if (fault.forever === true) await session.ledger.check(client);
  disk.heal();
  await session.ledger.check(client);
  // Half of the trials are mended by the process that failed, half by the next one.
  if (fault.at % 2 === 0) await work(session);
}

/** Undefined: it could not be opened, as it should be told. */
async function openFaulty(medium: Medium, root: string, disk: FaultyDisk): Promise<OpenClient | undefined> {
  try {
    return await openClient(medium, root, disk);
  } catch (error) {
    assert.ok(isDiskFailure(error), String(error));
    await disk.abandon();
    return undefined;
  }
}

/** Ends a process, whether its disk lets it end well or not. */
async function end(open: OpenClient, disk: FaultyDisk): Promise<void> {
  try {
    await open[Symbol.asyncDispose]();
  } catch (error) {
    assert.ok(isDiskFailure(error), String(error));
  }
  await disk.abandon();
}

/** How many calls an operation makes that a fault at call 0, which is none, would count. */
export async function countCalls(template: Template, name: string, fault: Fault): Promise<number> {
  const work = workOf(template.medium, name);
  const root = join(template.base, "count");
  await cp(join(template.base, "template"), root, { recursive: true, preserveTimestamps: true });
  const disk = faultyDisk(nodeDisk, fault);
  await using open = await openClient(template.medium, root, disk);
  await work(new Session(open.client, template.ledger.copy()), root, disk);
  await open.settle();
  await open[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
  return disk.calls;
}

/** A failure of the disk, told as one. */
function isDiskFailure(error: unknown): boolean {
  return isOciError(error, "IO", "NO_SPACE");
}
