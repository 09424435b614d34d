import assert from "node:assert/strict";
import { mkdir, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { scrub, type ScrubEvent, type ScrubOptions, type ScrubReport } from "../../src/lifecycle/scrub.ts";
import { createHandler } from "../../src/server/handler.ts";
import { send } from "../server/probe.ts";
import { blob, image, type Piece, pushBlob, pushImage } from "../support/content.ts";
import { MEDIA, openScene, type Scene } from "./scene.ts";

async function scrubbed(scene: Scene, options: ScrubOptions = {}): Promise<ScrubReport> {
  await using upkeep = await scene.openUpkeep();
  return await scrub(upkeep, options);
}

/** A blob's file as it may be found, each in its own way not what its name says. */
const DAMAGE: Readonly<Record<string, (path: string, part: Piece) => Promise<void>>> = {
  flipped: async (path, { bytes }) => {
    const flipped = Buffer.from(bytes);
    flipped[3] = (flipped[3] ?? 0) ^ 1;
    await rm(path);
    await writeFile(path, flipped, { mode: 0o444 });
  },
  zeroed: async (path, { bytes }) => {
    await rm(path);
    await writeFile(path, Buffer.alloc(bytes.length), { mode: 0o444 });
  },
  truncated: async (path) => {
    await rm(path);
    await writeFile(path, "", { mode: 0o444 });
    await truncate(path, 0);
  },
  "a symbolic link": async (path) => {
    await rm(path);
    await symlink("/etc/hostname", path);
  },
  "a directory": async (path) => {
    await rm(path);
    await mkdir(path);
  },
};

for (const medium of MEDIA) {
  describe(`E54: scrub of a ${medium}`, () => {
    for (const [name, damage] of Object.entries(DAMAGE)) {
      test(`a blob that is ${name} is found, set aside, never handed out, and repaired by a push`, async () => {
        await using scene = await openScene(medium);
        await using handler = createHandler(scene.registry);
        const parts = image("app");
        await pushImage(scene.store, parts, ["v1"]);
        const [, layer] = parts.blobs;
        assert.ok(layer);
        const { digest } = layer.descriptor;
        assert.deepEqual((await scrubbed(scene)).findings, []);
        await damage(scene.path(digest), layer);
        const events: ScrubEvent[] = [];
        const report = await scrubbed(scene, { onEvent: (event) => events.push(event) });
        assert.deepEqual(
          report.findings.map((finding) => [finding.verdict, finding.digest]),
          [["damaged", digest]],
        );
        assert.ok(events.some((event) => event.type === "finding" && event.digest === digest));
        assert.equal((await send(handler, "GET", `/v2/app/blobs/${digest}`)).status, 404);
        assert.deepEqual(await readdir(join(scene.directory, ".berth", "quarantine")), [digest.replace(":", "-")]);
        await pushBlob(scene.store, layer);
        const answer = await send(handler, "GET", `/v2/app/blobs/${digest}`);
        assert.deepEqual([answer.status, Buffer.compare(answer.bytes, layer.bytes)], [200, 0]);
        assert.deepEqual((await scrubbed(scene)).findings, []);
        assert.deepEqual((await readdir(join(scene.directory, ".berth", "quarantine"))).length, isFile(name) ? 0 : 1);
      });
    }

    test("a damaged manifest is set aside, and what hangs below it survives garbage collection", async () => {
      await using scene = await openScene(medium);
      const parts = image("app");
      await pushImage(scene.store, parts, ["v1"]);
      await DAMAGE["flipped"]?.(scene.path(parts.manifest.descriptor.digest), parts.manifest);
      assert.equal((await scrubbed(scene)).damaged, 1);
      await scene.age();
      const report = await scene.gc();
      assert.deepEqual([report.removed, report.kept.length], [0, 1]);
      await pushImage(scene.store, parts, ["v1"]);
      assert.equal((await scene.gc()).kept.length, 0);
      await scene.registry[Symbol.asyncDispose]();
      assert.equal((await fsckLayout(scene.directory)).clean, true);
    });

    test("broken off, it goes on where it stood; whole, it begins anew", async () => {
      await using scene = await openScene(medium);
      const parts = Array.from({ length: 20 }, (_, at) => blob(`blob ${at}`));
      for (const part of parts) await pushBlob(scene.store, part);
      const stop = new AbortController();
      const seen: string[] = [];
      const onEvent = (event: ScrubEvent): void => {
        if (event.type === "checked") seen.push(event.digest);
        if (seen.length === 7) stop.abort();
      };
      // One blob a turn.
      await assert.rejects(scrubbed(scene, { signal: stop.signal, onEvent, rate: 1_000_000 }));
      const before = seen.length;
      assert.ok(before < 20, `${before} were read`);
      const report = await scrubbed(scene, { onEvent });
      assert.equal(report.resumed, true);
      assert.equal(report.blobs, 20 - before);
      assert.deepEqual(seen, parts.map(({ descriptor }) => descriptor.digest as string).toSorted());
      const again = await scrubbed(scene);
      assert.deepEqual([again.resumed, again.blobs], [false, 20]);
    });
  });
}

function isFile(damage: string): boolean {
  return !damage.startsWith("a ");
}
