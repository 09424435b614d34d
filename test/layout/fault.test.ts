import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Store } from "../../src/store/store.ts";
import { image, listed, pushBlob, pushImage, sourceOf, toArray } from "../support/content.ts";
import { type Fault, faultyDisk } from "../support/faulty-disk.ts";
import { quickFolder } from "../support/quick-folder.ts";

const old = image("old");
const fresh = image("fresh");
const referrer = image("referrer", { subject: old.manifest.descriptor, artifactType: "application/x.test" });
const another = image("another", { subject: old.manifest.descriptor, artifactType: "application/x.test" });

/** What each operation does, and what holds once it was acknowledged. */
const OPERATIONS: Readonly<
  Record<string, { run(store: Store): Promise<unknown>; holds(store: Store): Promise<void> }>
> = {
  push: {
    run: (store) => pushImage(store, fresh, ["fresh"]),
    async holds(store) {
      assert.equal((await store.resolve({ tag: "fresh" })).digest, fresh.manifest.descriptor.digest);
    },
  },
  tag: {
    run: (store) => store.update([{ tag: "second", to: old.manifest.descriptor }]),
    async holds(store) {
      assert.equal((await store.resolve({ tag: "second" })).digest, old.manifest.descriptor.digest);
    },
  },
  delete: {
    async run(store) {
      // Run again after it was acknowledged only in part, there is nothing left to delete.
      if (await store.exists(another.manifest.descriptor)) {
        await store.delete?.(another.manifest.descriptor, { kind: "manifest" });
      }
    },
    async holds(store) {
      assert.equal(await store.exists(another.manifest.descriptor), false);
    },
  },
  listReferrers: {
    async run(store) {
      for (const part of referrer.blobs) await pushBlob(store, part);
      const { manifest } = referrer;
      await store.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest", listed: false });
      await store.listReferrers?.([{ subject: old.manifest.descriptor, add: [await listed(manifest)], remove: [] }]);
    },
    async holds(store) {
      const found = await toArray(store.referrers(old.manifest.descriptor));
      assert.ok(found.some((item) => item.descriptor.digest === referrer.manifest.descriptor.digest));
    },
  },
};

async function leftovers(root: string): Promise<string[]> {
  const own = await readdir(join(root, ".berth"), { recursive: true });
  return own.filter((name) => !["lock", "uploads", "trash"].includes(name));
}

describe("a layout outlives a failing disk", () => {
  let base: string;
  before(async () => {
    base = await mkdtemp(join(quickFolder(), "berth-fault-"));
    const store = await openLayout(join(base, "template"), { create: true });
    await pushImage(store, old, ["v1"]);
    await pushImage(store, another);
  });
  after(() => rm(base, { recursive: true }));

  async function tryOne(name: string, fault: Fault): Promise<boolean> {
    const operation = OPERATIONS[name];
    assert.ok(operation);
    const root = join(base, `${name}-${fault.errno}-${fault.forever ?? false}-${fault.at}`);
    await cp(join(base, "template"), root, { recursive: true });
    const disk = faultyDisk(nodeDisk, fault);
    const what = (): string => `${name}, ${fault.errno} at call ${fault.at}: ${disk.failed ?? "none"}`;
    let acknowledged = false;
    try {
      await operation.run(await openLayout(root, { disk }));
      acknowledged = true;
    } catch (error) {
      assert.ok(isOciError(error, fault.errno === "ENOSPC" ? "NO_SPACE" : "IO"), `${what()}: ${String(error)}`);
    }
    const report = await fsckLayout(root);
    assert.deepEqual(
      report.findings.filter((finding) => finding.severity !== "note"),
      [],
      what(),
    );
    const store = await openLayout(root);
    assert.equal((await store.resolve({ tag: "v1" })).digest, old.manifest.descriptor.digest, what());
    if (acknowledged) await operation.holds(store);
    await operation.run(store);
    await operation.holds(store);
    await new DirectoryBlobs(root).staging.clean(0);
    assert.deepEqual(await leftovers(root), [], what());
    await rm(root, { recursive: true });
    return disk.failed !== undefined;
  }

  for (const name of Object.keys(OPERATIONS)) {
    for (const [errno, forever] of [
      ["EIO", false],
      ["ENOSPC", true],
    ] as const) {
      test(`${name}, ${errno} at every call${forever ? " and from then on" : ""}`, async () => {
        let at = 1;
        while (await tryOne(name, { at, errno, forever })) at += 1;
        assert.ok(at > (forever ? 5 : 10), `only ${at - 1} calls were made`);
      });
    }
  }

  async function tryCreation(fault: Fault): Promise<boolean> {
    const root = join(base, `create-${fault.errno}-${fault.at}`, "below");
    const disk = faultyDisk(nodeDisk, fault);
    try {
      await pushImage(await openLayout(root, { disk, create: true }), fresh, ["fresh"]);
    } catch (error) {
      assert.ok(isOciError(error, fault.errno === "ENOSPC" ? "NO_SPACE" : "IO"), String(error));
    }
    const store = await openLayout(root, { create: true });
    await pushImage(store, fresh, ["fresh"]);
    assert.equal((await store.resolve({ tag: "fresh" })).digest, fresh.manifest.descriptor.digest);
    await new DirectoryBlobs(root).staging.clean(0);
    assert.deepEqual((await fsckLayout(root)).findings, [], disk.failed);
    assert.deepEqual(await leftovers(root), [], disk.failed);
    return disk.failed !== undefined;
  }

  for (const errno of ["EIO"] as const) {
    test(`a layout in the making, ${errno} at every call`, async () => {
      let at = 1;
      while (await tryCreation({ at, errno })) at += 1;
      assert.ok(at > 20, `only ${at - 1} calls were made`);
    });
  }
});
