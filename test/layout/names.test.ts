import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Disk } from "../../src/disk/disk.ts";
import { withLock } from "../../src/disk/lock.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { fallbackTag } from "../../src/spec/referrer.ts";
import type { Store } from "../../src/store/store.ts";
import { failsWith } from "../contract/context.ts";
import { image, index, pushImage, pushManifest, toArray } from "../support/content.ts";

interface Entry {
  readonly digest: string;
  readonly annotations?: Record<string, string>;
}

describe("names in a layout", () => {
  let base: string;
  let root: string;
  let store: Store;
  let count = 0;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), "berth-names-"));
  });
  after(() => rm(base, { recursive: true }));
  beforeEach(async () => {
    root = join(base, `${(count += 1)}`);
    store = await openLayout(root, { create: true });
  });

  const path = (): string => join(root, "index.json");
  async function readIndex(): Promise<{ manifests: Entry[] }> {
    return JSON.parse(await readFile(path(), "utf8")) as { manifests: Entry[] };
  }
  const entries = async (): Promise<Entry[]> => (await readIndex()).manifests;

  test("of one process that change together share a rewrite, and a conflict fails alone", async () => {
    let renames = 0;
    const counting: Disk = {
      ...nodeDisk,
      rename: (source, target) => {
        if (target.endsWith("index.json")) renames += 1;
        return nodeDisk.rename(source, target);
      },
    };
    const { descriptor } = image("shared").manifest;
    await pushImage(store, image("shared"));
    const counted = await openLayout(root, { disk: counting });
    const good = Array.from({ length: 50 }, (_, at) =>
      counted.update([{ tag: `t${at}`, to: descriptor, expect: null }]),
    );
    const bad = counted.update([
      { tag: "never", to: descriptor },
      { tag: "t0", to: descriptor, expect: null },
    ]);
    await failsWith(bad, "CONFLICT");
    await Promise.all(good);
    assert.ok(renames < 10, `${renames} rewrites`);
    assert.equal((await toArray(store.tags())).length, 50);
    await failsWith(store.resolve({ tag: "never" }), "MANIFEST_UNKNOWN");
  });

  test("are seen at once when another tool writes them", async () => {
    await pushImage(store, image("one"), ["v1"]);
    for (const name of ["v2", "v3", "v4", "v5"]) {
      const text = await readFile(path(), "utf8");
      await writeFile(path(), text.replace(/"v\d"/, JSON.stringify(name)));
      assert.deepEqual(
        (await toArray(store.tags())).map((tag) => tag.name),
        [name],
      );
    }
  });

  test("keep the entries and fields of others", async () => {
    await pushImage(store, image("one"), ["v1"]);
    const document = await readIndex();
    const foreign = {
      mediaType: "application/x.foreign",
      digest: `sha256:${"0".repeat(64)}`,
      size: 7,
      "x-field": [1, 2],
    };
    await writeFile(
      path(),
      JSON.stringify({ ...document, manifests: [foreign, ...document.manifests], "x-top": { a: 1 } }),
    );
    await pushImage(store, image("two"), ["v2"]);
    const after = await readIndex();
    assert.deepEqual(after.manifests[0], foreign);
    assert.deepEqual((after as unknown as Record<string, unknown>)["x-top"], { a: 1 });
  });

  test("leave one entry per image: a child is listed by its index, an old target by nothing", async () => {
    const child = image("child");
    await pushImage(store, child);
    assert.equal((await entries()).length, 1);
    const list = index([child.manifest.descriptor]);
    await pushManifest(store, list, ["all"]);
    assert.deepEqual(
      (await entries()).map((entry) => entry.digest),
      [list.descriptor.digest],
    );
    assert.equal(
      (await store.resolve({ digest: child.manifest.descriptor.digest })).size,
      child.manifest.descriptor.size,
    );
    await pushImage(store, image("next"), ["all"]);
    assert.equal((await entries()).length, 1);
    await store.update([{ tag: "all", to: null }]);
    assert.equal((await entries())[0]?.annotations, undefined);
  });

  test("never come from annotations of a referrer's manifest", async () => {
    const subject = await pushImage(store, image("subject"), ["v1"]);
    const annotations = { "org.opencontainers.image.ref.name": "v1", "io.containerd.image.name": "x/y:v1" };
    await pushImage(store, image("evil", { subject, artifactType: "application/x.evil", annotations }));
    assert.equal((await store.resolve({ tag: "v1" })).digest, subject.digest);
    const [found] = await toArray(store.referrers(subject));
    assert.deepEqual({ ...found?.descriptor.annotations }, annotations);
  });

  test("many referrers of one subject leave one fallback index", async () => {
    const subject = await pushImage(store, image("popular"), ["v1"]);
    for (let at = 0; at < 5; at += 1) {
      await pushImage(store, image(`referrer ${at}`, { subject, artifactType: "application/x.many" }));
    }
    const tag = fallbackTag(subject.digest);
    const fallback = (await entries()).filter((entry) => Object.values(entry.annotations ?? {}).includes(tag));
    assert.equal(fallback.length, 1);
    assert.deepEqual(
      (await toArray(store.tags())).map((item) => item.name),
      ["v1"],
    );
    const blobs = await readdir(join(root, "blobs/sha256"));
    // Manifest, config and layer of six images, and the one index.
    assert.equal(blobs.length, 6 * 3 + 1);
  });

  test("of a layout that cosign saved become its signature tags", async () => {
    const subject = await pushImage(store, image("signed"));
    const signature = await pushImage(store, image("signature"));
    const kinds = ["dev.cosignproject.cosign/image", "dev.cosignproject.cosign/sigs"];
    const manifests = [subject, signature].map((item, at) => ({ ...item, annotations: { kind: kinds[at] } }));
    await writeFile(path(), JSON.stringify({ schemaVersion: 2, manifests }));
    const found = await toArray(store.referrers(subject));
    assert.deepEqual(
      found.map(({ descriptor, via, tag }) => [descriptor.digest, via, tag]),
      [[signature.digest, "digest-tag", `${fallbackTag(subject.digest)}.sig`]],
    );
  });

  test("reading writes nothing, and a layout opened for reading refuses to write", async () => {
    await pushImage(store, image("still"), ["v1"]);
    await rm(join(root, ".berth"), { recursive: true });
    const before = await readdir(root, { recursive: true });
    const reader = await openLayout(root, { readOnly: true });
    const found = await reader.resolve({ tag: "v1" });
    await toArray(reader.referrers(found));
    assert.equal(await reader.exists(found), true);
    await failsWith(pushImage(reader, image("more")), "UNSUPPORTED");
    await failsWith(reader.update([{ tag: "v2", to: found }]), "UNSUPPORTED");
    assert.deepEqual(await readdir(root, { recursive: true }), before);
  });

  test("wait for another holder of the lock only so long, and not after an abort", async () => {
    const found = await pushImage(store, image("locked"), ["v1"]);
    const lock = join(root, ".berth", "lock");
    const holder = await nodeDisk.open(lock, "lock");
    assert.ok(holder);
    assert.equal(await holder.tryLock(), true);
    const hasty = await openLayout(root, { lockTimeout: 20 });
    await failsWith(hasty.update([{ tag: "v2", to: found }]), "LOCKED");
    const waiting = store.update([{ tag: "v3", to: found }], { signal: AbortSignal.timeout(20) });
    await assert.rejects(waiting, { name: "TimeoutError" });
    const abort = AbortSignal.timeout(20);
    await assert.rejects(
      withLock(nodeDisk, `${lock}2`, () => withLockHeld(lock, abort)),
      { name: "TimeoutError" },
    );
    await holder.close();
    await store.update([{ tag: "v4", to: found }]);
    assert.deepEqual(
      (await toArray(store.tags())).map((tag) => tag.name),
      ["v1", "v4"],
    );
  });
});

function withLockHeld(lock: string, signal: AbortSignal): Promise<void> {
  return withLock(nodeDisk, lock, () => Promise.resolve(), { signal });
}
