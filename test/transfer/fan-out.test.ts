import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError, OciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Source } from "../../src/store/store.ts";
import { decorate } from "../../src/store/decorate.ts";
import { Broadcast } from "../../src/transfer/broadcast.ts";
import { copy } from "../../src/transfer/copy.ts";
import { copyToAll } from "../../src/transfer/copy-to-all.ts";
import { readAll } from "../support/content.ts";
import { pushSampleGraph, readWhole } from "../support/graph.ts";
import { layoutMedium, servedMemoryMedium } from "../support/media.ts";

async function* chunks(count: number, asked?: number[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < count; at += 1) {
    asked?.push(at);
    yield Buffer.from(`${at} `);
  }
}

describe("broadcast", () => {
  test("all readers get everything out of one reading, the slowest gives the pace", async () => {
    const asked: number[] = [];
    let opened = 0;
    const broadcast = new Broadcast({
      readers: 3,
      open: () => {
        opened += 1;
        return chunks(5, asked);
      },
    });
    const slow = broadcast.bytes()[Symbol.asyncIterator]();
    const others = [readAll(broadcast.bytes()), readAll(broadcast.bytes())];
    assert.equal(Buffer.from((await slow.next()).value ?? []).toString(), "0 ");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(asked, [0]);
    while (!(await slow.next()).done);
    assert.deepEqual((await Promise.all(others)).map(String), ["0 1 2 3 4 ", "0 1 2 3 4 "]);
    assert.equal(opened, 1);
  });

  test("who breaks off, stays away or comes late holds nobody up", async () => {
    let opened = 0;
    const broadcast = new Broadcast({
      readers: 4,
      patience: 20,
      open: () => {
        opened += 1;
        return chunks(3);
      },
    });
    broadcast.leave();
    const breaking = (async () => {
      for await (const _chunk of broadcast.bytes()) break;
    })();
    assert.equal((await readAll(broadcast.bytes())).toString(), "0 1 2 ");
    await breaking;
    assert.equal(opened, 1);
    assert.equal((await readAll(broadcast.bytes())).toString(), "0 1 2 ");
    assert.equal(opened, 2);
  });

  test("a failure of the source reaches every reader", async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield* chunks(1);
      throw new OciError("NETWORK", "Broken");
    };
    const broadcast = new Broadcast({ readers: 2, open: failing });
    const reads = await Promise.allSettled([readAll(broadcast.bytes()), readAll(broadcast.bytes())]);
    assert.deepEqual(
      reads.map(({ status }) => status),
      ["rejected", "rejected"],
    );
  });
});

describe("copy to several targets", () => {
  test("reads each blob once and brings everything to media of every kind", async () => {
    const inner = createMemoryStore();
    const graph = await pushSampleGraph(inner, "v1");
    const reads = new Map<string, number>();
    const source: Source = decorate(inner, {
      fetch: (descriptor, options) => {
        if (options?.kind === "blob") reads.set(descriptor.digest, (reads.get(descriptor.digest) ?? 0) + 1);
        return inner.fetch(descriptor, options);
      },
    });
    const layouts = await layoutMedium();
    const served = await servedMemoryMedium();
    try {
      const stores = [await layouts.open(), await served.open(), await served.open(), await layouts.open()];
      // One of them has a part of it already.
      await copy({ source: inner, target: stores[3] ?? inner, roots: [{ descriptor: graph.root, tags: ["v1"] }] });
      const targets = stores.map((store, at) => ({
        store,
        roots: [{ descriptor: graph.root, tags: [`t${at}`] }],
      }));
      const summaries = await copyToAll({ source, targets, concurrency: 8 });
      for (const [at, store] of stores.entries()) {
        assert.equal((await store.resolve({ tag: `t${at}` })).digest, graph.root.digest);
        assert.deepEqual(await readWhole(store, graph.root), await readWhole(inner, graph.root));
        for (const tag of graph.digestTags) await store.resolve({ tag });
      }
      assert.deepEqual([...new Set(reads.values())], [1]);
      assert.deepEqual(
        summaries.map(({ nodes }) => nodes.push),
        [19, 19, 19, 0],
      );
      assert.deepEqual(summaries[3]?.named.includes("t3"), true);
      for (const store of stores) await store[Symbol.asyncDispose]();
    } finally {
      await layouts.close();
      await served.close();
    }
  });

  test("a target that fails fails the copy, and no name moves anywhere", async () => {
    const source = createMemoryStore();
    const graph = await pushSampleGraph(source, "v1");
    const good = createMemoryStore();
    const inner = createMemoryStore();
    const bad = decorate(inner, {
      push: async () => {
        throw new OciError("NO_SPACE", "Disk full");
      },
    });
    const roots = [{ descriptor: graph.root, tags: ["v1"] }];
    await assert.rejects(
      copyToAll({
        source,
        targets: [
          { store: good, roots },
          { store: bad, roots },
        ],
      }),
      (error) => isOciError(error, "NO_SPACE"),
    );
    await assert.rejects(good.resolve({ tag: "v1" }), (error) => isOciError(error, "MANIFEST_UNKNOWN"));
  });
});
