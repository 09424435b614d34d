import { globSync } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { networkClient } from "../../test/faults/client.ts";
import { Ledger } from "../../test/faults/ledger.ts";
import { OPERATIONS, type Place, prepare } from "../../test/faults/operations.ts";
import { Session } from "../../test/faults/session.ts";
import { blob, image } from "../../test/support/content.ts";
import type { Outcome, Part } from "./part.ts";
import { startServer } from "./server.ts";

/** What the clock shows in each run of the server, one after another on the same root. */
const CLOCKS = ["+0d", "+1d", "-1d", "+0d", "-1d", "+1d", "+0d"] as const;

export const clock: Part = {
  name: "clock",
  about: "the clock jumps by a day, ahead and back, between runs and in the middle of a push",
  async run(context): Promise<Outcome> {
    const [library] = globSync("/usr/lib/{*/,}faketime/libfaketime.so.1");
    if (library === undefined) return { skipped: "libfaketime is not here: apt-get install faketime" };
    const root = join(context.base, "root");
    await mkdir(root);
    const counts = { jumps: 0, acknowledged: 0, checked: 0 };
    const ledger = new Ledger();
    let begun: { readonly location: string; readonly place: Place } | undefined;
    for (const [at, offset] of CLOCKS.entries()) {
      const env = { LD_PRELOAD: library, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
      await using server = await startServer(root, { env });
      await using client = networkClient(server.url);
      const session = new Session(client, ledger);
      await ledger.check(client);
      counts.checked += ledger.size;
      if (begun) {
        // Its layers were pushed before the clock jumped, its manifest comes after, and so does the end of an upload.
        const parts = image(begun.place.name);
        await session.tag(begun.place.here, parts.manifest, "late");
        const late = blob("half before, half after");
        const answer = await client.say("PATCH", begun.location, { body: late.bytes.subarray(11) });
        if (answer.status !== 202) context.violation(`${offset}: an upload cannot go on: ${answer.status}`);
        const end = await client.say("PUT", `${begun.location}?digest=${late.descriptor.digest}`);
        if (end.status !== 201) context.violation(`${offset}: an upload cannot end: ${end.status}`);
      }
      const place = { here: `team/k${at}`, there: `other/k${at}`, name: `k${at}` };
      await prepare(session, place);
      for (const operation of Object.values(OPERATIONS)) await operation(session, place);
      for (const part of image(`${place.name}`).blobs) await session.blob(place.here, part);
      const opened = await client.say("POST", `/v2/${place.here}/blobs/uploads/`);
      const location = opened.headers["location"] ?? "";
      await client.say("PATCH", location, { body: blob("half before, half after").bytes.subarray(0, 11) });
      begun = { location, place };
      counts.acknowledged += session.acknowledged;
      await server.stop("SIGTERM");
      counts.jumps += 1;
      await access(root);
    }
    return { counts };
  },
};
