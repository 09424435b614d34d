import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ask, digestOf, hangUp, IMAGE_MANIFEST, pushBlob, pushManifest } from "../client.ts";
import { type Contender, interleave, time } from "../measure.ts";
import type { Bench, Measured, Row } from "../row.ts";
import { berthKind } from "../servers/berth.ts";
import { collectCommand, distribution } from "../servers/distribution.ts";
import { versionsOf } from "../servers/kinds.ts";
import { countBlobs, litter, LITTERED } from "../servers/orphans.ts";
import type { Kind, Server } from "../servers/server.ts";

/** Writing the orphans takes longer than collecting them. */
const ROUNDS = 3;
/** Milliseconds between pushes meanwhile. */
const PACE = 100;

async function pushImage(server: Server, at: number): Promise<void> {
  const config = Buffer.from(JSON.stringify({ at }));
  const descriptor = { digest: digestOf(config), size: config.length };
  const mediaType = "application/vnd.oci.image.config.v1+json";
  await pushBlob(server, LITTERED, descriptor, config);
  const manifest = { schemaVersion: 2, mediaType: IMAGE_MANIFEST, config: { mediaType, ...descriptor }, layers: [] };
  await pushManifest(server, LITTERED, `v${at}`, JSON.stringify(manifest));
}

/** Pushes and reads back, again and again, until the work is done; no request may fail. */
async function pushMeanwhile(server: Server, work: Promise<Measured>): Promise<Measured> {
  let over = false;
  const done = work.finally(() => (over = true));
  // What fails first is reported; the other must not be an unhandled rejection meanwhile.
  done.catch(() => undefined);
  for (let at = 1; !over; at += 1) {
    await pushImage(server, at);
    await ask(server, {
      method: "GET",
      path: `/v2/${LITTERED}/manifests/v${at}`,
      status: 200,
      headers: { accept: IMAGE_MANIFEST },
    });
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, PACE))]);
  }
  return await done;
}

/** Removes orphans: berth while it serves and is pushed to, distribution while it is stopped, as it has to be. */
export async function gc(bench: Bench): Promise<Row> {
  const { berth, folder, many } = bench;
  const ours = berthKind(berth);
  const kinds: Readonly<Record<string, (server: Server, home: string) => Promise<Measured>>> = {
    [ours.name]: async (server) =>
      await pushMeanwhile(
        server,
        time([...berth, "gc", server.data]).then(({ ms }) => ({ ms })),
      ),
    [distribution.name]: async (server, home) => {
      await hangUp(server);
      await server.stop();
      const { ms } = await time(collectCommand(home));
      return { ms };
    },
  };
  const contender = (kind: Kind): Contender => {
    const home = join(folder, `gc-${kind.name}`);
    let server: Server | undefined;
    return {
      name: kind.name,
      async before() {
        await mkdir(home);
        server = await kind.start(home);
        await pushImage(server, 0);
        await litter(server, many);
        await time(["sync"]);
      },
      async run() {
        if (!server) throw new Error(`${kind.name} is not running`);
        const before = await countBlobs(server);
        const measured = (await kinds[kind.name]?.(server, home)) ?? {};
        const left = (await countBlobs(server)) - (before - many);
        if (left < 0 || left >= many / 10) throw new Error(`${kind.name} removed ${many - left} of ${many} orphans`);
        return { ...measured, rate: (many / (measured["ms"] ?? Number.NaN)) * 1000 };
      },
      async after() {
        if (server) await hangUp(server);
        await server?.stop();
        await rm(home, { recursive: true, force: true });
      },
    };
  };
  const installed = [ours, distribution].filter((kind) => kind.version() !== undefined);
  return {
    title: `GC of ${many} orphans`,
    versions: versionsOf(installed),
    columns: [
      { key: "rate", label: "orphans/s", better: "more", goals: { distribution: 5 } },
      { key: "ms", label: "ms" },
    ],
    entries: await interleave(installed.map(contender), Math.min(ROUNDS, bench.rounds)),
    note: "berth collects while it serves and is pushed to, every request answered; distribution is stopped.",
  };
}
