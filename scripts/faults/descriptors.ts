import { mkdir, readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Cut, networkClient } from "../../test/faults/client.ts";
import { Ledger } from "../../test/faults/ledger.ts";
import { OPERATIONS, prepare } from "../../test/faults/operations.ts";
import { Refused, Session } from "../../test/faults/session.ts";
import type { Outcome, Part } from "./part.ts";
import { type Server, startServer } from "./server.ts";
import { isInstalled } from "./tools.ts";

/** File descriptors of the server, and connections that are held open at it. */
const MOST = 64;
const HELD = 200;
/** Clients that push meanwhile. */
const CLIENTS = 20;
/** Ticks of 10 ms of processor time in a second: a loop that spins takes all hundred. */
const IDLE_TICKS = 50;

export const descriptors: Part = {
  name: "descriptors",
  about: "a server without file descriptors: refuses, does not spin, and goes on when there are some",
  async run(context): Promise<Outcome> {
    if (!(await isInstalled("prlimit"))) return { skipped: "prlimit is not on PATH: apt-get install util-linux" };
    const root = join(context.base, "root");
    await mkdir(root);
    await using server = await startServer(root, { prefix: ["prlimit", `--nofile=${MOST}`] });
    const counts = { held: HELD, refused: 0, acknowledged: 0, checked: 0 };
    const row = context.table.row("everything", `${MOST} file descriptors`, "a depot, served");
    const place = (at: number): { here: string; there: string; name: string } => {
      return { here: `team/e${at}`, there: `other/e${at}`, name: `e${at}` };
    };
    const ledgers = Array.from({ length: CLIENTS }, () => new Ledger());
    const work = ledgers.map(async (ledger, at) => {
      for (let turn = 0; turn < 3; turn += 1) {
        await using client = networkClient(server.url);
        const session = new Session(client, ledger);
        try {
          await prepare(session, place(at));
          for (const operation of Object.values(OPERATIONS)) await operation(session, place(at));
        } catch (error) {
          if (!(error instanceof Cut) && !(error instanceof Refused)) throw error;
          counts.refused += 1;
          row.effective += 1;
        }
        row.points += 1;
        row.acknowledged += session.acknowledged;
        counts.acknowledged += session.acknowledged;
      }
    });
    const outcomes = await Promise.allSettled(work);
    for (const outcome of outcomes) if (outcome.status === "rejected") context.violation(String(outcome.reason), row);
    const held = Array.from({ length: HELD }, () => hold(server.url));
    await sleep(500);
    const ticks = await ticksOf(server, 1000);
    if (ticks > IDLE_TICKS)
      context.violation(`It took ${ticks} of 100 ticks while ${HELD} connections stood idle`, row);
    for (const socket of held) socket.destroy();
    await sleep(200);
    await using client = networkClient(server.url);
    for (const [at, ledger] of ledgers.entries()) {
      await ledger.check(client);
      const session = new Session(client, ledger);
      await prepare(session, place(at));
      await ledger.check(client);
      counts.checked += 2 * ledger.size;
      row.kept += 2 * ledger.size;
    }
    if (counts.refused === 0) context.violation("Nothing was refused: there were descriptors enough", row);
    return { counts };
  },
};

function hold(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  return socket;
}

/** Processor time that a process takes while it is watched, in ticks of 10 ms. */
async function ticksOf({ pid }: Server, milliseconds: number): Promise<number> {
  const read = async (): Promise<number> => {
    const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const before = await read();
  await sleep(milliseconds);
  return ((await read()) - before) * (1000 / milliseconds);
}
