import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, Cut, networkClient } from "../../test/faults/client.ts";
import { Ledger } from "../../test/faults/ledger.ts";
import { depot } from "../../test/faults/medium.ts";
import { OPERATIONS, type Place, prepare } from "../../test/faults/operations.ts";
import { Refused, Session } from "../../test/faults/session.ts";
import { sample, seeded } from "../../test/support/random.ts";
import type { Outcome, Part, PartContext } from "./part.ts";
import { type Server, startServer } from "./server.ts";
import { injections, mostCalls, traced } from "./strace.ts";
import type { Tally as Row } from "./table.ts";
import { isInstalled } from "./tools.ts";

const READS = ["pread64", "statx", "getdents64"] as const;
const WRITES = ["fsync", "fdatasync", "pwrite64", "rename", "unlink", "link", "openat", "mkdir", "ftruncate"] as const;

/** What is injected, and into which calls. */
const FAULTS: readonly { readonly fault: string; readonly calls: readonly string[] }[] = [
  { fault: "error=EIO", calls: [...WRITES, ...READS] },
  { fault: "error=ENOSPC", calls: ["fsync", "fdatasync", "pwrite64", "rename", "link", "openat", "mkdir"] },
  { fault: "signal=SIGKILL", calls: WRITES },
];

/** Garbage is collected all the time, in a thread of its own; calls are counted for each thread on its own. */
const GC = ["--gc-interval", "300ms", "--gc-grace", "20s"] as const;
/** Milliseconds in which it is collected at least once. */
const COLLECTED = 1000;
/** Trials on one root: the more is there, the longer each collection takes. */
const ROOT_TRIALS = 40;

/** Points tried of each call and fault, unless it is said how many. */
const POINTS = 20;
/** Servers that are tried at the same time. */
const LANES = 2;
/** Violations after which it is pointless to go on. */
const ENOUGH = 10;

/** All operations are run for each point. */
const EVERYTHING = "everything";
const MEDIUM = "a depot, served";

interface Trial {
  readonly fault: string;
  readonly call: string;
  readonly at: number;
}

interface Tally {
  points: number;
  injected: number;
  kills: number;
  acknowledged: number;
  checked: number;
}

export const calls: Part = {
  name: "calls",
  about: "the n-th system call of a real server fails, or the server is killed there (strace)",
  async run(context): Promise<Outcome> {
    if (!(await isInstalled("strace"))) return { skipped: "strace is not on PATH: apt-get install strace" };
    const trials = await plan(context);
    const tally: Tally = { points: 0, injected: 0, kills: 0, acknowledged: 0, checked: 0 };
    const lanes = Array.from({ length: LANES }, (_, lane) => new Lane(lane, context, tally, trials));
    try {
      await Promise.all(lanes.map((lane) => lane.run()));
    } finally {
      for (const lane of lanes) await lane[Symbol.asyncDispose]();
    }
    return { counts: { ...tally } };
  },
};

/** Counts the calls of a run without faults, and chooses where to inject. */
async function plan(context: PartContext): Promise<Trial[]> {
  await using lane = new Lane(-1, context, { points: 0, injected: 0, kills: 0, acknowledged: 0, checked: 0 }, []);
  const lines = await lane.count();
  const random = seeded(context.seed);
  const trials: Trial[] = [];
  for (const { fault, calls: names } of FAULTS) {
    for (const call of names) {
      const most = mostCalls(lines, call);
      for (const at of sample(most, context.points ?? POINTS, random)) trials.push({ fault, call, at });
    }
  }
  const totals = [...WRITES, ...READS].map((call) => `${call} ${mostCalls(lines, call)}`);
  context.say(`${trials.length} points; calls of one thread: ${totals.join(", ")}`);
  // In no order, so that faults of all kinds follow each other on one root.
  return trials
    .map((trial) => ({ trial, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ trial }) => trial);
}

/** One root, and one server after another on it. */
class Lane implements AsyncDisposable {
  readonly #context: PartContext;
  readonly #tally: Tally;
  readonly #trials: Trial[];
  readonly #lane: number;
  #root = "";
  #roots = 0;
  #server: Server | undefined;
  #places = 0;

  constructor(lane: number, context: PartContext, tally: Tally, trials: Trial[]) {
    this.#lane = lane;
    this.#context = context;
    this.#tally = tally;
    this.#trials = trials;
  }

  /** The calls of all operations when nothing fails. */
  async count(): Promise<readonly string[]> {
    await this.#freshRoot();
    const server = await this.#running();
    await using client = networkClient(server.url);
    const place = this.#place();
    const session = new Session(client, new Ledger());
    await prepare(session, place);
    const args = ["-e", `trace=${[...WRITES, ...READS].join(",")}`];
    const lines = await traced(server.pid, args, `${this.#root}.trace`, async () => {
      for (const operation of Object.values(OPERATIONS)) await operation(session, place);
      await sleep(COLLECTED);
    });
    await this.#end();
    return lines;
  }

  async run(): Promise<void> {
    await this.#freshRoot();
    let failures = 0;
    for (let trial = this.#trials.pop(); trial !== undefined; trial = this.#trials.pop()) {
      try {
        await this.#try(trial);
        if (this.#places % ROOT_TRIALS === 0) {
          await this.#end();
          await this.#freshRoot();
        }
      } catch (error) {
        const what = `${trial.fault}:when=${trial.at} at ${trial.call}, root ${this.#root}`;
        this.#context.violation(`${what}\n${String(error)}\n${this.#server?.stderr().slice(-2000)}`, this.#row(trial));
        await this.#server?.[Symbol.asyncDispose]();
        this.#server = undefined;
        if ((failures += 1) >= ENOUGH) return;
        await this.#freshRoot();
      }
    }
    await this.#end();
  }

  async #try({ fault, call, at }: Trial): Promise<void> {
    const ledger = new Ledger();
    const place = this.#place();
    const server = await this.#running();
    await using client = networkClient(server.url);
    await prepare(new Session(client, ledger), place);
    const args = ["-e", `trace=${call}`, "-e", `inject=${call}:${fault}:when=${at}`];
    const failing = new Session(client, ledger);
    let isCut = false;
    const lines = await traced(server.pid, args, `${this.#root}.trace`, async () => {
      isCut = await operate(failing, place);
    });
    const dead = fault.startsWith("signal=") && (isCut || lines.some((line) => line.includes("+++ killed by SIGKILL")));
    if (dead) await server.ended;
    const injected = dead ? 1 : injections(lines);
    this.#tally.points += 1;
    this.#tally.injected += injected;
    if (dead) this.#tally.kills += 1;
    this.#tally.acknowledged += failing.acknowledged;
    const row = this.#row({ fault, call, at });
    row.points += 1;
    row.effective += injected > 0 ? 1 : 0;
    row.acknowledged += failing.acknowledged;
    if (server.isRunning()) await this.#verify(client, ledger, place, row);
    else if (!dead) throw new Error(`The server ended: ${JSON.stringify(await server.ended)}`);
    // Every second one that lived on is killed as well, so that what it left in memory alone is missed.
    if (server.isRunning() && this.#places % 2 === 0) return;
    if (server.isRunning()) await server.stop("SIGKILL");
    await using again = networkClient((await this.#running()).url);
    await this.#verify(again, ledger, place, row);
  }

  #row({ fault, call }: Trial): Row {
    return this.#context.table.row(EVERYTHING, `${call} ${fault.replace(/^\w+=/, "")}`, MEDIUM);
  }

  /** Everything acknowledged is there, and everything works. */
  async #verify(client: Client, ledger: Ledger, place: Place, row: Row): Promise<void> {
    ledger.expectGarbage();
    await ledger.check(client);
    this.#tally.checked += ledger.size;
    row.kept += ledger.size;
    const session = new Session(client, ledger);
    // What was garbage may have been collected.
    await prepare(session, place);
    for (const operation of Object.values(OPERATIONS)) await operation(session, place);
    ledger.expectGarbage();
    await ledger.check(client);
  }

  async #running(): Promise<Server> {
    if (this.#server?.isRunning()) return this.#server;
    this.#server = await startServer(this.#root, { args: GC, env: { UV_THREADPOOL_SIZE: "1" } });
    return this.#server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  #place(): Place {
    this.#places += 1;
    const name = `n${this.#lane + 1}x${this.#places}`;
    return { here: `team/${name}`, there: `other/${name}`, name };
  }

  async #freshRoot(): Promise<void> {
    this.#root = join(this.#context.base, `lane${this.#lane}-${(this.#roots += 1)}`, "root");
    await mkdir(this.#root, { recursive: true });
    await access(this.#root);
  }

  /** Ends the server well, and looks at what it leaves. */
  async #end(): Promise<void> {
    const ended = await this.#server?.stop("SIGTERM");
    this.#server = undefined;
    if (ended && ended.code !== 0) this.#context.violation(`Ended with ${JSON.stringify(ended)}`);
    // What a collection had begun is ended by the next one.
    await depot.collect(this.#root);
    for (const finding of await depot.findings(this.#root)) this.#context.violation(finding);
  }
}

/** Runs every operation as far as it gets; true: the server is gone. */
async function operate(session: Session, place: Place): Promise<boolean> {
  for (const operation of Object.values(OPERATIONS)) {
    try {
      await operation(session, place);
    } catch (error) {
      if (error instanceof Cut) return true;
      if (!(error instanceof Refused)) throw error;
    }
  }
  return false;
}
