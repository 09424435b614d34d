import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { createHosts } from "../../src/remote/hosts.ts";
import { eachLimited, Limiter } from "../../src/remote/limiter.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { blob, pushBlob, readAll, toArray } from "../support/content.ts";
import { reply, scripted, storeOn } from "./scripted.ts";

describe("one host", () => {
  test("is asked at most so many things at once, over connections that are used again", async () => {
    const waiting: ServerResponse[] = [];
    let most = 0;
    const sockets = new Set<unknown>();
    await using server = await scripted((_, response) => {
      sockets.add(response.socket);
      waiting.push(response);
      most = Math.max(most, waiting.length);
      // Nobody is answered before three are waiting: a lower limit would hang here.
      if (waiting.length >= 3) for (const one of waiting.splice(0)) reply(one, 404);
    });
    await using store = await storeOn(server, { concurrency: 3 });
    const wanted = Array.from({ length: 60 }, (_, at) => blob(`${at}`).descriptor);
    await Promise.all(wanted.map(async (one) => store.exists(one, { kind: "blob" })));
    assert.equal(server.seen.length, 60);
    assert.equal(most, 3);
    // A place may be free a moment before its connection is.
    assert.ok(sockets.size <= 12, `${sockets.size} connections`);
  });

  test("can be source and target of one stream with a single place", async () => {
    await using registry = createMemoryRegistry();
    const server = await serve({ registry });
    await using hosts = createHosts();
    const { host } = new URL(server.url);
    try {
      const options = { host, hosts, concurrency: 1 };
      const source = await openRemote({ ...options, repository: "a" });
      const target = await openRemote({ ...options, repository: "b" });
      const parts = Array.from({ length: 4 }, (_, at) => blob(Buffer.alloc(2_000_000, `${at}`)));
      for (const part of parts) await pushBlob(source, part);
      const copies = parts.map(async ({ descriptor }) =>
        target.push(descriptor, (from) => source.fetch(descriptor, { kind: "blob", ...from }), { kind: "blob" }),
      );
      await Promise.all(copies);
      for (const { descriptor, bytes } of parts) {
        assert.deepEqual(await readAll(target.fetch(descriptor, { kind: "blob" })), Buffer.from(bytes));
      }
    } finally {
      await server.close(0);
    }
  });

  test("gives a place back when a body is left half read", async () => {
    await using server = await scripted((_, response) => reply(response, 200, {}, Buffer.alloc(1_000_000)));
    await using store = await storeOn(server, { concurrency: 1 });
    const part = blob(Buffer.alloc(1_000_000));
    for (let round = 0; round < 5; round += 1) {
      for await (const _ of store.fetch(part.descriptor, { kind: "blob" })) break;
      await using unread = await store.open(part.descriptor, { kind: "blob" });
      assert.equal(unread.size, 1_000_000);
    }
    assert.equal((await readAll(store.fetch(part.descriptor, { kind: "blob" }))).length, 1_000_000);
  });

  test("warnings of the registry are told", async () => {
    const told: string[] = [];
    await using server = await scripted((_, response) =>
      reply(response, 200, { warning: '299 - "This registry moves"' }, '{"tags":[]}'),
    );
    await using store = await storeOn(server, {
      onEvent: (event) => {
        if (event.type === "warning") told.push(event.text);
      },
    });
    await toArray(store.tags());
    assert.deepEqual(told, ["This registry moves"]);
  });

  test("is reached through a proxy from the environment, a loopback host never", async () => {
    await using server = await scripted((_, response) => reply(response, 200, {}, '{"tags":["v1"]}'));
    const asked: (string | undefined)[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url);
      reply(response, 200, {}, '{"tags":["far"]}');
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      await using hosts = createHosts({ env: { HTTP_PROXY: address, NO_PROXY: "direct.example" } });
      const options = { hosts, repository: "a", plainHttp: true, retries: 0 };
      const far = await openRemote({ ...options, host: "registry.example:5000" });
      assert.deepEqual(await toArray(far.tags()), [{ name: "far" }]);
      assert.deepEqual(asked, ["http://registry.example:5000/v2/a/tags/list?n=1000"]);
      const near = await openRemote({ ...options, host: server.host });
      assert.deepEqual(await toArray(near.tags()), [{ name: "v1" }]);
      assert.equal(asked.length, 1);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});

describe("the limiter", () => {
  test("lets a waiting caller go when its signal is aborted, and loses no place", async () => {
    const limiter = new Limiter(1);
    const release = await limiter.acquire();
    const stop = new AbortController();
    const waiting = limiter.acquire(stop.signal);
    const next = limiter.acquire();
    stop.abort(new Error("Too long"));
    await assert.rejects(waiting, { message: "Too long" });
    release();
    release();
    (await next)();
    (await limiter.acquire())();
  });

  test("each item is done once; a failure stops new ones", async () => {
    const done: number[] = [];
    await eachLimited([1, 2, 3, 4, 5], 2, async (item) => void done.push(item));
    assert.deepEqual(done, [1, 2, 3, 4, 5]);
    const begun: number[] = [];
    const failing = eachLimited([1, 2, 3, 4], 1, async (item) => {
      begun.push(item);
      if (item === 2) throw new Error("Second");
    });
    await assert.rejects(failing, { message: "Second" });
    assert.deepEqual(begun, [1, 2]);
  });
});
