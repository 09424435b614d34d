import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { Cut, networkClient } from "../../test/faults/client.ts";
import { Ledger } from "../../test/faults/ledger.ts";
import { depot } from "../../test/faults/medium.ts";
import { OPERATIONS, prepare } from "../../test/faults/operations.ts";
import { Refused, Session } from "../../test/faults/session.ts";
import { blob } from "../../test/support/content.ts";
import { seeded } from "../../test/support/random.ts";
import type { Outcome, Part, PartContext } from "./part.ts";
import { type Ended, startServer } from "./server.ts";

/** Times that a server is told to end while clients push. */
const ENDS = 12;
/** Clients that push meanwhile. */
const CLIENTS = 100;
/** Milliseconds after which it is told, at most. */
const LONGEST = 1500;

function place(name: string): { here: string; there: string; name: string } {
  return { here: `team/${name}`, there: `other/${name}`, name };
}

interface ProcessCounts {
  ends: number;
  acknowledged: number;
  checked: number;
  refusedServers: number;
  cleaned: number;
}

const SERVED = "a depot, served";

export const processes: Part = {
  name: "processes",
  about: "ends in the middle of pushes, two servers, a stopped one, what dead ones left, a catalog of the future",
  async run(context): Promise<Outcome> {
    const counts: ProcessCounts = { ends: 0, acknowledged: 0, checked: 0, refusedServers: 0, cleaned: 0 };
    await endInPushes(context, counts);
    await stopHolder(context, counts);
    await findLeftovers(context, counts);
    await refuseFuture(context, counts);
    return { counts: { ...counts } };
  },
};

/** Case 53: requests under way end well or are cut, the exit code is 0, nothing is torn. */
async function endInPushes(context: PartContext, counts: ProcessCounts): Promise<void> {
  const row = context.table.row(`pushes of ${CLIENTS} clients`, "SIGTERM", SERVED);
  const root = join(context.base, "ends");
  await mkdir(root);
  const random = seeded(context.seed);
  const all: Ledger[] = [];
  for (let end = 1; end <= ENDS; end += 1) {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    const clients = Array.from({ length: CLIENTS }, async (_, at) => {
      const session = new Session(client, new Ledger());
      try {
        await prepare(session, place(`s${end}x${at}`));
      } catch (error) {
        if (!(error instanceof Cut) && !(error instanceof Refused)) throw error;
      }
      counts.acknowledged += session.acknowledged;
      row.acknowledged += session.acknowledged;
      return session.ledger;
    });
    await sleep(200 + random() * LONGEST);
    const ended = await server.stop("SIGTERM");
    if (ended.code !== 0) context.violation(`SIGTERM in pushes: ended with ${JSON.stringify(ended)}`, row);
    counts.ends += 1;
    row.points += 1;
    row.effective += 1;
    const ledgers = await Promise.all(clients);
    // All of the last round, and some of each, so that reading does not take the most time.
    all.push(...(end === ENDS ? ledgers : ledgers.slice(0, 10)));
  }
  await using server = await startServer(root);
  await using client = networkClient(server.url);
  for (const ledger of all) {
    await ledger.check(client);
    counts.checked += ledger.size;
    row.kept += ledger.size;
  }
  await server.stop("SIGTERM");
  for (const finding of await depot.findings(root)) context.violation(finding, row);
}

/** Cases 57 and 58: a second server refuses, also while the first one is stopped; the lock ends with its holder. */
async function stopHolder(context: PartContext, counts: ProcessCounts): Promise<void> {
  const row = context.table.row("a second server", "the first one runs, is stopped, was killed", SERVED);
  const root = join(context.base, "holder");
  await mkdir(root);
  await using first = await startServer(root);
  await using client = networkClient(first.url);
  const session = new Session(client, new Ledger());
  await prepare(session, place("holder"));
  const refuse = async (): Promise<void> => {
    const ended = await refused(root);
    row.points += 1;
    row.effective += 1;
    if (ended === undefined) context.violation("Two servers on one root", row);
    else if (ended.code !== 6 || !ended.stderr.includes("serves")) context.violation(JSON.stringify(ended), row);
    else counts.refusedServers += 1;
  };
  await refuse();
  process.kill(first.pid, "SIGSTOP");
  const operations = Object.values(OPERATIONS);
  const pending = (async (): Promise<void> => {
    for (const operation of operations) await operation(session, place("holder"));
  })();
  await refuse();
  await sleep(2000);
  await refuse();
  process.kill(first.pid, "SIGCONT");
  await pending;
  await session.ledger.check(client);
  process.kill(first.pid, "SIGSTOP");
  await first.stop("SIGKILL");
  await using second = await startServer(root);
  await using other = networkClient(second.url);
  await session.ledger.check(other);
  counts.checked += 2 * session.ledger.size;
  row.acknowledged += session.acknowledged;
  row.kept += 2 * session.ledger.size;
}

/** Undefined: it serves. */
async function refused(root: string): Promise<Ended | undefined> {
  try {
    await using _server = await startServer(root);
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : "";
    return JSON.parse(text.slice(text.indexOf("{"))) as Ended;
  }
}

/** Case 56: it starts over what dead processes left, and removes only what is old and its own. */
async function findLeftovers(context: PartContext, counts: ProcessCounts): Promise<void> {
  const row = context.table.row("a start", "files that dead processes left", SERVED);
  const root = join(context.base, "leftovers");
  await mkdir(root);
  const ledger = new Ledger();
  {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    await prepare(new Session(client, ledger), place("left"));
  }
  const uploads = join(root, "team/left/.berth/uploads");
  const old = new Date(Date.now() - 3 * 24 * 60 * 60 * 1000);
  const names = { old: "0".repeat(32), young: "1".repeat(32), foreign: "somebody's notes" };
  for (const name of Object.values(names)) await writeFile(join(uploads, name), "left behind");
  for (const name of [names.old, names.foreign]) await utimes(join(uploads, name), old, old);
  await writeFile(join(root, "team/left/.berth/index.json.new"), "half of");
  {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    const session = new Session(client, ledger);
    await session.blob("team/left", blob("one more"));
    await ledger.check(client);
    counts.checked += ledger.size;
    row.points += Object.keys(names).length + 1;
    row.effective = row.points;
    row.acknowledged += session.acknowledged;
    row.kept += ledger.size;
    await server.stop("SIGTERM");
  }
  const left = await readdir(uploads);
  if (!left.includes(names.foreign)) context.violation("A foreign file was removed from the uploads", row);
  if (!left.includes(names.young)) context.violation("An upload of this minute was removed", row);
  counts.cleaned += Object.keys(names).length - left.length;
}

/** Case 59: a catalog of a later version is refused and not touched. */
async function refuseFuture(context: PartContext, counts: ProcessCounts): Promise<void> {
  const row = context.table.row("a start", "a catalog of a later version", SERVED);
  row.points += 1;
  row.effective += 1;
  const root = join(context.base, "future");
  await mkdir(root);
  {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    await prepare(new Session(client, new Ledger()), place("future"));
    await server.stop("SIGTERM");
  }
  const path = join(root, ".berth/catalog.db");
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 1000000");
  database.close();
  const before = await readFile(path);
  const ended = await refused(root);
  if (ended === undefined || ended.code === 0) context.violation("A catalog of a later version is served", row);
  else counts.refusedServers += 1;
  if (!(await readFile(path)).equals(before)) context.violation("A catalog of a later version was changed", row);
}
