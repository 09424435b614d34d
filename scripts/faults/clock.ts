import { globSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Client, networkClient } from "../../test/faults/client.ts";
import { Ledger } from "../../test/faults/ledger.ts";
import { OPERATIONS, type Place, prepare } from "../../test/faults/operations.ts";
import { Session } from "../../test/faults/session.ts";
import { blob, image } from "../../test/support/content.ts";
import type { Outcome, Part, PartContext } from "./part.ts";
import { startServer } from "./server.ts";
import type { Tally } from "./table.ts";

/** What the clock shows in each run of the server, one after another on the same root; the files' times are the kernel's. */
const CLOCKS = ["+0d", "+20h", "-20h", "+1d", "-1d", "+0d", "-1d", "+1d", "+0d"] as const;
/** By this clock an upload of this minute has rested for a day, and may be thrown away as soon as nobody holds it. */
const DAY_AHEAD = "+1d";

/** What one run has begun and the next one ends. */
interface Begun {
  readonly location: string;
  readonly place: Place;
  readonly mayExpire: boolean;
}

const LATE = blob("half before, half after");
const HALF = 11;

export const clock: Part = {
  name: "clock",
  about: "the clock jumps by most of a day and by a day, ahead and back, between runs and in the middle of a push",
  async run(context): Promise<Outcome> {
    const [library] = globSync("/usr/lib/{*/,}faketime/libfaketime.so.1");
    if (library === undefined) return { skipped: "libfaketime is not here: apt-get install faketime" };
    const root = join(context.base, "root");
    await mkdir(root);
    const counts = { jumps: 0, acknowledged: 0, checked: 0, uploadsExpired: 0 };
    const ledger = new Ledger();
    let begun: Begun | undefined;
    for (const [at, offset] of CLOCKS.entries()) {
      const row = context.table.row("everything", `the clock is set to ${offset}`, "a depot, served");
      const env = { LD_PRELOAD: library, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
      await using server = await startServer(root, { env });
      await using client = networkClient(server.url);
      const session = new Session(client, ledger);
      await ledger.check(client);
      counts.checked += ledger.size;
      if (begun) {
        // Its layers were pushed before the clock jumped, its manifest comes after, and so does the end of an upload.
        await session.tag(begun.place.here, image(begun.place.name).manifest, "late");
        const mayExpire = begun.mayExpire || offset === DAY_AHEAD;
        if (!(await goOn(client, begun.location, mayExpire, context, row))) counts.uploadsExpired += 1;
      }
      const place = { here: `team/k${at}`, there: `other/k${at}`, name: `k${at}` };
      await prepare(session, place);
      for (const operation of Object.values(OPERATIONS)) await operation(session, place);
      for (const part of image(place.name).blobs) await session.blob(place.here, part);
      begun = { location: await begin(client, place.here), place, mayExpire: offset === DAY_AHEAD };
      counts.acknowledged += session.acknowledged;
      await server.stop("SIGTERM");
      counts.jumps += 1;
      row.points += 1;
      row.effective += 1;
      row.acknowledged += session.acknowledged;
      row.kept += ledger.size;
    }
    return { counts };
  },
};

async function begin(client: Client, repository: string): Promise<string> {
  const { headers } = await client.say("POST", `/v2/${repository}/blobs/uploads/`);
  const location = headers["location"] ?? "";
  await client.say("PATCH", location, { body: LATE.bytes.subarray(0, HALF) });
  return location;
}

/** False: the upload has expired, which it may where the clock said that it had rested for a day. */
async function goOn(
  client: Client,
  location: string,
  mayExpire: boolean,
  context: PartContext,
  row: Tally,
): Promise<boolean> {
  const more = await client.say("PATCH", location, { body: LATE.bytes.subarray(HALF) });
  if (more.status === 404 && mayExpire) return false;
  const end = await client.say("PUT", `${location}?digest=${LATE.descriptor.digest}`);
  for (const { status, bytes } of [more, end]) {
    if (status > 202) context.violation(`An upload cannot go on: ${status} ${bytes.toString()}`, row);
  }
  return true;
}
