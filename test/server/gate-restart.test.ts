import assert from "node:assert/strict";
import { mkdtempDisposable, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { signManifests } from "../../src/sign/sign.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Store } from "../../src/store/store.ts";
import { ann, hang, pushIndex } from "../policy/scene.ts";
import { index, pushManifest } from "../support/content.ts";
import { KINDS, openGateScene, type GateScene } from "./gate-scene.ts";

async function sign(target: Store, descriptor: Descriptor): Promise<void> {
  await signManifests({ subjects: [{ target, descriptor }], signer: ann.signer });
}

async function statuses({ get, repository }: GateScene, ...digests: string[]): Promise<number[]> {
  return Promise.all(digests.map(async (digest) => (await get(`${repository}/manifests/${digest}`)).status));
}

for (const kind of KINDS) {
  describe(`after a restart over a ${kind}`, () => {
    test("the parts of an index without a tag, and what hangs on them, are there before the index is asked for", async () => {
      await using folder = await mkdtempDisposable(join(tmpdir(), "berth-gate-restart-"));
      await using before = await openGateScene({ kind, folder: folder.path });
      const { root, amd, arm } = await pushIndex(before.pusher);
      const outer = index([root]);
      await pushManifest(before.pusher, outer);
      await sign(before.pusher, outer.descriptor);
      const sbom = (await hang(before.pusher, arm, "{}", "application/spdx+json")).descriptor;
      const all = [amd.digest, arm.digest, sbom.digest, root.digest, outer.descriptor.digest];
      await before[Symbol.asyncDispose]();
      for (const first of all) {
        await using after = await openGateScene({ kind, folder: folder.path });
        assert.deepEqual(await statuses(after, first), [200], first);
        const { manifests } = JSON.parse((await after.get(`${after.repository}/referrers/${arm.digest}`)).text);
        assert.deepEqual(
          manifests.map(({ digest }: Descriptor) => digest),
          [sbom.digest],
        );
      }
    });

    test("an index that is not allowed, or is gone, vouches for nothing", async () => {
      await using folder = await mkdtempDisposable(join(tmpdir(), "berth-gate-restart-"));
      await using before = await openGateScene({ kind, folder: folder.path });
      const { root, amd, arm } = await pushIndex(before.pusher);
      await before[Symbol.asyncDispose]();
      await using after = await openGateScene({ kind, folder: folder.path });
      assert.deepEqual(await statuses(after, amd.digest, arm.digest, root.digest), [404, 404, 404]);
      await sign(after.pusher, root);
      assert.deepEqual(await statuses(after, amd.digest, arm.digest), [200, 200]);
      await after.pusher.delete?.(root, { kind: "manifest" });
      assert.deepEqual(await statuses(after, amd.digest, arm.digest), [404, 404]);
      await after[Symbol.asyncDispose]();
      await using last = await openGateScene({ kind, folder: folder.path });
      assert.deepEqual(await statuses(last, amd.digest, arm.digest), [404, 404]);
    });
  });
}

test("a catalog that is made anew from the layouts knows the same", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "berth-gate-restart-"));
  await using before = await openGateScene({ folder: folder.path });
  const { root, amd } = await pushIndex(before.pusher);
  await sign(before.pusher, root);
  await before[Symbol.asyncDispose]();
  await rm(join(folder.path, ".berth"), { recursive: true });
  await using after = await openGateScene({ folder: folder.path });
  assert.deepEqual(await statuses(after, amd.digest), [200]);
});

test("an index that lost its tag to another one still vouches for its parts", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "berth-gate-restart-"));
  await using before = await openGateScene({ folder: folder.path });
  const { root, amd } = await pushIndex(before.pusher, ["v1"]);
  await sign(before.pusher, root);
  await pushManifest(before.pusher, index([]), ["v1"]);
  await before[Symbol.asyncDispose]();
  await using after = await openGateScene({ folder: folder.path });
  assert.deepEqual(await statuses(after, amd.digest), [200]);
});

test("of an index that its tag has left a layout says nothing, until somebody asks for it", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "berth-gate-restart-"));
  await using before = await openGateScene({ kind: "layout", folder: folder.path });
  const { root, amd } = await pushIndex(before.pusher, ["v1"]);
  await sign(before.pusher, root);
  await pushManifest(before.pusher, index([]), ["v1"]);
  assert.deepEqual(await statuses(before, amd.digest), [200]);
  await before[Symbol.asyncDispose]();
  await using after = await openGateScene({ kind: "layout", folder: folder.path });
  for (const [digest, status] of [
    [amd.digest, 404],
    [root.digest, 200],
    [amd.digest, 200],
  ] as const) {
    assert.deepEqual(await statuses(after, digest), [status]);
  }
});
