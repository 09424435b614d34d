import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openDepot } from "../../src/depot/open-depot.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { createHosts } from "../../src/remote/hosts.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import type { Digest } from "../../src/spec/digest.ts";
import type { Store } from "../../src/store/store.ts";
import { image, pushImage, readAll } from "../support/content.ts";
import { temporaryRoot } from "./scene.ts";

const KILLS = 8;
/** Pushes under way at the same time. */
const CLIENTS = 8;
/** Pushes that are acknowledged before the server's end, in the first round and further ones in each that follows. */
const FIRST_LIFE = 6;
const LONGER_LIFE = 2;

interface Acknowledged {
  readonly repository: string;
  readonly tag: string;
  readonly digest: Digest;
}

async function startServer(root: string): Promise<{ readonly child: ChildProcess; readonly host: string }> {
  const child = fork(join(import.meta.dirname, "serve-child.ts"), [root], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [url] = (await once(child, "message")) as [string];
  return { child, host: new URL(url).host };
}

/** Pushes images with a tag each, and moves one tag from one to the next, until the server is gone. */
async function pushUntilKilled(
  store: Store,
  repository: string,
  round: string,
  onPush: () => void,
): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  for (let count = 0; ; count += 1) {
    try {
      const tag = `${round}-${count}`;
      const { digest } = await pushImage(store, image(`${repository} ${tag}`), [tag, `${round}-latest`]);
      acknowledged.push({ repository, tag, digest });
      onPush();
    } catch (error) {
      assert.ok(isOciError(error, "NETWORK", "PROTOCOL"), String(error));
      return acknowledged;
    }
  }
}

test(`E47: a server is killed ${KILLS} times amid pushes, and nothing that was acknowledged is lost`, async (t) => {
  const root = await temporaryRoot(t);
  const all: Acknowledged[] = [];
  const latest = new Map<string, number>();
  for (let kill = 0; kill < KILLS; kill += 1) {
    const { child, host } = await startServer(root);
    await using hosts = createHosts();
    let left = FIRST_LIFE + LONGER_LIFE * kill;
    const lived = Promise.withResolvers<void>();
    const onPush = (): void => {
      left -= 1;
      if (left === 0) lived.resolve();
    };
    const pushing = Array.from({ length: CLIENTS }, async (_, at) => {
      const repository = `r${at % 3}/n${at}`;
      const store = await openRemote({ host, repository, hosts, retries: 0 });
      const acknowledged = await pushUntilKilled(store, repository, `k${kill}`, onPush);
      latest.set(`${repository}:k${kill}-latest`, acknowledged.length);
      return acknowledged;
    });
    await lived.promise;
    await sleep(Math.random() * 10);
    child.kill("SIGKILL");
    await once(child, "exit");
    all.push(...(await Promise.all(pushing)).flat());
  }
  t.diagnostic(`${all.length} acknowledged pushes`);
  await using depot = await openDepot(root);
  for (const { repository, tag, digest } of all) {
    const store = await depot.repository(repository);
    const found = await store.resolve({ tag });
    assert.equal(found.digest, digest, `${repository}:${tag}`);
    const bytes = await readAll(store.fetch(found));
    const manifest = JSON.parse(bytes.toString()) as { layers: { digest: Digest; size: number; mediaType: string }[] };
    for (const layer of manifest.layers) await readAll(store.fetch(layer, { kind: "blob" }));
  }
  // The tag that moves is at the last push that was acknowledged, or at the one that was under way.
  for (const [name, count] of latest) {
    const [repository = "", tag = ""] = name.split(":");
    if (count === 0) continue;
    const { digest } = await (await depot.repository(repository)).resolve({ tag });
    const round = tag.replace("-latest", "");
    const possible = [count - 1, count].map((at) => image(`${repository} ${round}-${at}`).manifest.descriptor.digest);
    assert.ok(possible.includes(digest), `${name} is at none of its last two`);
  }
});
