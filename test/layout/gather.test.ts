import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { Gatherer } from "../../src/blobs/directory-gather.ts";

/** Chunks as a network would bring them, in a buffer that is used over and over: who keeps one has to copy it. */
async function feed(gatherer: Gatherer, content: Buffer, sizes: readonly number[]): Promise<void> {
  const lent = Buffer.alloc(Math.max(...sizes));
  for (let at = 0, turn = 0; at < content.length; turn += 1) {
    const size = Math.min(sizes[turn % sizes.length] ?? 1, content.length - at);
    content.copy(lent, 0, at, at + size);
    await gatherer.take(lent.subarray(0, size));
    lent.fill(0);
    at += size;
  }
  await gatherer.flush();
}

for (const [name, sizes] of [
  ["small chunks", [65_536]],
  ["odd chunks", [1, 65_537, 3, 0, 40_000]],
  ["small and large chunks", [65_536, 300_000, 5, 900_000, 1_500_000]],
] as const) {
  test(`${name} are written whole and in order, none before the one before it`, async () => {
    const content = randomBytes(8 * 1024 * 1024 + 17);
    const written: Buffer[] = [];
    let busy = false;
    await using gatherer = new Gatherer(async (bytes) => {
      assert.equal(busy, false);
      busy = true;
      await sleep(1);
      written.push(Buffer.from(bytes));
      busy = false;
    });
    await feed(gatherer, content, sizes);
    assert.ok(Buffer.concat(written).equals(content));
    assert.ok(written.length < 80, `${written.length} writes`);
  });
}

test("more streams than there are buffers are all written", async () => {
  const contents = Array.from({ length: 20 }, () => randomBytes(1_500_000));
  await Promise.all(
    contents.map(async (content) => {
      const written: Buffer[] = [];
      await using gatherer = new Gatherer(async (bytes) => {
        await sleep(1);
        written.push(Buffer.from(bytes));
      });
      await feed(gatherer, content, [60_000]);
      assert.ok(Buffer.concat(written).equals(content));
    }),
  );
});

test("after a write that failed nothing takes its place", async () => {
  const content = randomBytes(4 * 1024 * 1024);
  const written: Buffer[] = [];
  let left = 3;
  const failure = new Error("no");
  await using gatherer = new Gatherer(async (bytes) => {
    await sleep(1);
    left -= 1;
    if (left === 0) throw failure;
    written.push(Buffer.from(bytes));
  });
  await assert.rejects(feed(gatherer, content, [65_536]), failure);
  await gatherer.flush();
  const kept = Buffer.concat(written);
  assert.ok(kept.equals(content.subarray(0, kept.length)));
  assert.equal(written.length, 2);
});
