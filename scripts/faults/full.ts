import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { networkClient } from "../../test/faults/client.ts";
import { Ledger } from "../../test/faults/ledger.ts";
import { OPERATIONS, prepare } from "../../test/faults/operations.ts";
import { Refused, Session } from "../../test/faults/session.ts";
import { blob } from "../../test/support/content.ts";
import { MountNamespace } from "./namespace.ts";
import type { Outcome, Part, PartContext } from "./part.ts";
import { startServer } from "./server.ts";
import type { Tally } from "./table.ts";
import { isInstalled, isRoot } from "./tools.ts";

const PLACE = { here: "team/app", there: "team/other", name: "full" };
const HEAP = "team/heap";
/** Bytes of a blob that fills: large ones first, then what still fits. */
const SIZES = [1_000_000, 100_000, 10_000, 1000];

export const full: Part = {
  name: "full",
  about: "a file system without room: refused and told, reads and deletes work, no restart needed afterwards",
  async run(context): Promise<Outcome> {
    if (!isRoot() || !(await isInstalled("unshare"))) return { skipped: "it needs root and unshare (util-linux)" };
    const counts = { filled: 0, refused: 0, deleted: 0, checked: 0 };
    for (const options of ["size=24m", "size=64m,nr_inodes=400"]) await fill(context, options, counts);
    return { counts };
  },
};

async function fill(
  context: PartContext,
  options: string,
  counts: { filled: number; refused: number; deleted: number; checked: number },
): Promise<void> {
  const row = (operation: string): Tally => context.table.row(operation, `no room (${options})`, "a depot on tmpfs");
  const pushes = row("a blob is pushed");
  await using namespace = await MountNamespace.open();
  const root = join(context.base, options.replaceAll(/\W/g, "-"));
  await mkdir(root);
  await namespace.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", root);
  await using server = await startServer(root, { prefix: namespace.prefix });
  await using client = networkClient(server.url);
  const ledger = new Ledger();
  const session = new Session(client, ledger);
  await prepare(session, PLACE);
  const parts = [];
  for (const size of SIZES) {
    for (;;) {
      const part = blob(Buffer.alloc(size, `${size} ${parts.length} `));
      const status = await statusOf(() => session.blob(HEAP, part));
      pushes.points += 1;
      if (status !== undefined) {
        counts.refused += 1;
        pushes.effective += 1;
        if (status !== 507) context.violation(`${options}: a push without room was answered ${status}`, pushes);
        break;
      }
      parts.push(part);
      counts.filled += 1;
      pushes.acknowledged += 1;
    }
  }
  await ledger.check(client);
  counts.checked += ledger.size;
  pushes.kept += ledger.size;
  for (const name of ["tags go", "a manifest goes", "a referrer goes"]) {
    const operation = OPERATIONS[name];
    if (!operation) continue;
    const status = await statusOf(() => operation(session, PLACE));
    count(row(name), status);
    if (status === undefined) counts.deleted += 1;
    else context.violation(`${options}: while there is no room, "${name}" was answered ${status}`, row(name));
  }
  for (const part of parts) {
    const status = await statusOf(() => session.deleteBlob(HEAP, part));
    count(row("a blob goes"), status);
    if (status === undefined) counts.deleted += 1;
    else
      context.violation(
        `${options}: while there is no room, a blob's deletion was answered ${status}`,
        row("a blob goes"),
      );
    if (status !== undefined) break;
  }
  if (!server.isRunning()) context.violation(`${options}: the server ended: ${server.stderr()}`);
  await namespace.run("mount", "-o", "remount,size=128m,nr_inodes=0", root);
  await ledger.check(client);
  for (const operation of Object.values(OPERATIONS)) await operation(session, PLACE);
  await ledger.check(client);
  counts.checked += 2 * ledger.size;
  row("everything, with room again").kept += 2 * ledger.size;
}

/** A deletion while there is no room, which has to be acknowledged. */
function count(row: Tally, status: number | undefined): void {
  row.points += 1;
  row.effective += 1;
  if (status === undefined) row.acknowledged += 1;
}

/** Undefined: it was acknowledged. */
async function statusOf(work: () => Promise<void>): Promise<number | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error.status;
    throw error;
  }
}
