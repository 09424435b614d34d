import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isOciError } from "../../src/error/oci-error.ts";
import type { RemoteEvent } from "../../src/remote/event.ts";
import { defaultRetry, parseRetryAfter, pauseBefore } from "../../src/remote/retry.ts";
import { failsWith } from "../contract/context.ts";
import { blob, image, sourceOf } from "../support/content.ts";
import { reply, scripted, storeOn } from "./scripted.ts";

const { manifest } = image("in the end");
const HEADERS = {
  "content-type": manifest.descriptor.mediaType,
  "content-length": `${manifest.descriptor.size}`,
  "docker-content-digest": manifest.descriptor.digest,
};

describe("trying again", () => {
  for (const status of [429, 500, 502, 503, 504]) {
    test(`after ${status}`, async () => {
      await using server = await scripted((_, response, number) =>
        number < 3 ? reply(response, status, { "retry-after": "0" }) : reply(response, 200, HEADERS),
      );
      await using store = await storeOn(server);
      assert.equal((await store.resolve({ tag: "v1" })).digest, manifest.descriptor.digest);
      assert.equal(server.seen.length, 3);
    });
  }

  for (const status of [400, 403, 404, 409, 422, 501]) {
    test(`not after ${status}`, async () => {
      await using server = await scripted((_, response) => reply(response, status));
      await using store = await storeOn(server);
      assert.ok(store.delete);
      await assert.rejects(store.delete(manifest.descriptor, { kind: "blob" }));
      assert.equal(server.seen.length, 1);
    });
  }

  test("after a connection that was reset", async () => {
    await using server = await scripted((_, response, number) =>
      number === 1 ? void response.socket?.resetAndDestroy() : reply(response, 200, HEADERS),
    );
    await using store = await storeOn(server);
    await store.resolve({ tag: "v1" });
    assert.equal(server.seen.length, 2);
  });

  test("ends with the last answer's error", async () => {
    await using server = await scripted((_, response) => reply(response, 429));
    const events: RemoteEvent[] = [];
    await using store = await storeOn(server, { onEvent: (event) => events.push(event) });
    await failsWith(store.resolve({ tag: "v1" }), "TOOMANYREQUESTS");
    assert.equal(server.seen.length, 3);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["retry", "retry"],
    );
  });

  test("not after 507: a disk that is full is said so, whatever was sent", async () => {
    await using server = await scripted((request, response) =>
      request.method === "POST"
        ? reply(response, 202, { location: "/v2/team/app/blobs/uploads/one" })
        : reply(response, request.method === "PUT" ? 507 : 404),
    );
    await using store = await storeOn(server);
    const large = blob("too much");
    await assert.rejects(
      store.push(large.descriptor, sourceOf(large.bytes), { kind: "blob" }),
      (error) =>
        isOciError(error, "NO_SPACE") &&
        error.message === `${server.host} has no space left: Uploading the blob failed with status 507` &&
        /registry/.test(error.hint),
    );
    assert.equal(server.lines.filter((line) => line.startsWith("PUT ")).length, 1);
    await failsWith(store.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest" }), "NO_SPACE");
    assert.equal(server.lines.filter((line) => line.startsWith("PUT ")).length, 2);
  });

  test("a pause ends with the signal's own reason", async () => {
    const stop = new AbortController();
    await using server = await scripted((_, response) => {
      reply(response, 503, { "retry-after": "50" });
      setImmediate(() => stop.abort(new Error("No time")));
    });
    await using store = await storeOn(server);
    await assert.rejects(store.resolve({ tag: "v1" }, { signal: stop.signal }), { message: "No time" });
  });

  test("not where nobody has ever listened", async () => {
    const server = await scripted((_, response) => reply(response, 200));
    await server[Symbol.asyncDispose]();
    const events: RemoteEvent[] = [];
    await using store = await storeOn(server, { onEvent: (event) => events.push(event) });
    await failsWith(store.resolve({ tag: "v1" }), "NETWORK");
    assert.deepEqual(events, []);
  });

  test("where somebody listened before, who may be back in a moment", async () => {
    const server = await scripted((_, response) => reply(response, 200, HEADERS));
    const events: RemoteEvent[] = [];
    await using store = await storeOn(server, { onEvent: (event) => events.push(event) });
    await store.resolve({ tag: "v1" });
    await server[Symbol.asyncDispose]();
    await failsWith(store.resolve({ tag: "v2" }), "NETWORK");
    assert.deepEqual(
      events.map(({ type }) => type),
      ["retry", "retry"],
    );
  });
});

describe("Retry-After", () => {
  const now = Date.UTC(2026, 10, 21, 12, 0, 0);
  const cases: readonly [string | undefined, number | undefined][] = [
    ["2", 2000],
    ["0", 0],
    ["Sat, 21 Nov 2026 12:00:05 GMT", 5000],
    ["Sat, 21 Nov 2026 11:00:00 GMT", 0],
    ["-1", undefined],
    ["abc", undefined],
    ["1.5", undefined],
    ["", undefined],
    [undefined, undefined],
  ];
  for (const [header, expected] of cases) {
    test(`${header} is ${expected} ms`, () => assert.equal(parseRetryAfter(header, now), expected));
  }

  test("no pause is longer than the cap and a bit of jitter, none shorter than what was asked below it", () => {
    const asked = fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), asked, (attempt, ms) => {
        const wait = pauseBefore(attempt, defaultRetry, ms);
        assert.ok(wait >= 0 && wait <= defaultRetry.longest + 1000);
        if (ms !== undefined) assert.ok(wait >= Math.min(ms, defaultRetry.longest));
      }),
    );
  });
});
