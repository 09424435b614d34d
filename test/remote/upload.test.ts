import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import type { RemoteEvent } from "../../src/remote/event.ts";
import type { ContentSource } from "../../src/store/content.ts";
import { failsWith } from "../contract/context.ts";
import { blob, sourceOf } from "../support/content.ts";
import { complaint, reply, type Script, scripted, storeOn } from "./scripted.ts";

const CONTENT = Buffer.from("abcdefghij".repeat(10));
const BLOB = blob(CONTENT);

/** A registry with one upload; `first` may spoil requests before they are served. */
function uploads(first: (request: Parameters<Script>[0], response: Parameters<Script>[1]) => boolean): {
  script: Script;
  stored: () => Buffer;
} {
  let held = Buffer.alloc(0);
  let place = 0;
  return {
    stored: () => held,
    script: (request, response) => {
      if (first(request, response)) return;
      // A new address with every answer: only the newest is right.
      const location = `/v2/team/app/blobs/uploads/one?place=${(place += 1)}`;
      if (request.method === "HEAD") return reply(response, 404);
      if (request.method === "POST") {
        held = Buffer.alloc(0);
        return reply(response, 202, { location });
      }
      if (!request.url.includes(`place=${place - 1}`))
        return reply(response, 404, {}, complaint("BLOB_UPLOAD_UNKNOWN"));
      if (request.method === "GET")
        return reply(response, 204, { location, range: `0-${Math.max(0, held.length - 1)}` });
      if (request.method === "PATCH") {
        const start = Number(request.headers["content-range"]?.split("-")[0]);
        if (start !== held.length) return reply(response, 416, { location, range: `0-${held.length - 1}` });
      }
      held = Buffer.concat([held, request.body]);
      if (request.method === "PATCH") return reply(response, 202, { location, range: `0-${held.length - 1}` });
      return reply(response, 201);
    },
  };
}

describe("pushing a blob", () => {
  test("is a look, a POST and one PUT of known length", async () => {
    const { script, stored } = uploads(() => false);
    await using server = await scripted(script);
    await using store = await storeOn(server);
    assert.deepEqual(await store.push(BLOB.descriptor, sourceOf(BLOB.bytes), { kind: "blob" }), {
      existed: false,
      subjectHandled: false,
    });
    assert.deepEqual(
      server.seen.map(({ method }) => method),
      ["HEAD", "POST", "PUT"],
    );
    assert.equal(server.seen[2]?.headers["content-length"], "100");
    assert.deepEqual(stored(), CONTENT);
  });

  test("sends nothing that is there, and trusts no other size", async () => {
    await using server = await scripted((request, response) =>
      reply(response, 200, { "content-length": request.url.length > 200 ? "1" : "100" }),
    );
    await using store = await storeOn(server);
    assert.equal((await store.push(BLOB.descriptor, sourceOf(BLOB.bytes), { kind: "blob" })).existed, true);
    await failsWith(
      store.push({ ...BLOB.descriptor, size: 99 }, sourceOf(BLOB.bytes), { kind: "blob" }),
      "SIZE_INVALID",
    );
    assert.deepEqual(
      server.seen.map(({ method }) => method),
      ["HEAD", "HEAD"],
    );
  });

  test("in chunks, at least as large as the registry wants", async () => {
    const { script, stored } = uploads((request, response) => {
      if (request.method === "POST") response.setHeader("OCI-Chunk-Min-Length", "30");
      return false;
    });
    await using server = await scripted(script);
    await using store = await storeOn(server, { chunkSize: 10 });
    await store.push(BLOB.descriptor, sourceOf(BLOB.bytes), { kind: "blob" });
    assert.deepEqual(
      server.seen.filter(({ method }) => method === "PATCH").map(({ headers }) => headers["content-range"]),
      ["0-29", "30-59", "60-89", "90-99"],
    );
    assert.deepEqual(stored(), CONTENT);
  });

  test("goes on at the true offset after a chunk was lost", async () => {
    let lost = false;
    const events: RemoteEvent[] = [];
    const { script, stored } = uploads((request, response) => {
      if (lost || request.headers["content-range"] !== "40-59") return false;
      lost = true;
      response.socket?.resetAndDestroy();
      return true;
    });
    const offsets: (number | undefined)[] = [];
    const source: ContentSource = (options) => {
      offsets.push(options?.offset);
      return sourceOf(CONTENT)(options);
    };
    await using server = await scripted(script);
    await using store = await storeOn(server, { chunkSize: 20, onEvent: (event) => events.push(event) });
    await store.push(BLOB.descriptor, source, { kind: "blob" });
    assert.deepEqual(stored(), CONTENT);
    assert.deepEqual(offsets, [0, 20, 40, 40, 60, 80]);
    assert.deepEqual(events.at(-1), { type: "resume", digest: BLOB.descriptor.digest, offset: 40 });
  });

  test("starts anew where the registry has forgotten the upload", async () => {
    let failed = false;
    const { script, stored } = uploads((request, response) => {
      if (request.method === "GET") {
        reply(response, 404);
        return true;
      }
      if (failed || request.method !== "PUT") return false;
      failed = true;
      reply(response, 503);
      return true;
    });
    await using server = await scripted(script);
    await using store = await storeOn(server);
    await store.push(BLOB.descriptor, sourceOf(BLOB.bytes), { kind: "blob" });
    assert.deepEqual(
      server.seen.map(({ method }) => method),
      ["HEAD", "POST", "PUT", "GET", "POST", "PUT"],
    );
    assert.deepEqual(stored(), CONTENT);
  });

  test("gives up after its tries and cancels", async () => {
    const { script } = uploads((request, response) => {
      if (request.method !== "PUT") return false;
      reply(response, 500);
      return true;
    });
    await using server = await scripted(script);
    await using store = await storeOn(server, { retries: 1 });
    await failsWith(store.push(BLOB.descriptor, sourceOf(BLOB.bytes), { kind: "blob" }), "NETWORK");
    assert.equal(server.seen.filter(({ method }) => method === "PUT").length, 2);
    assert.equal(server.seen.at(-1)?.method, "DELETE");
  });

  test("passes the source's own failure on and does not try again", async () => {
    const { script, stored } = uploads(() => false);
    await using server = await scripted(script);
    await using store = await storeOn(server);
    const broken: ContentSource = async function* () {
      yield CONTENT.subarray(0, 10);
      throw new Error("The disk went away");
    };
    await assert.rejects(store.push(BLOB.descriptor, broken, { kind: "blob" }), { message: "The disk went away" });
    assert.equal(stored().length, 0);
  });

  test("of sha512 says so with the POST", async () => {
    const { script } = uploads(() => false);
    const part = blob("longer digest", "sha512");
    await using server = await scripted(script);
    await using store = await storeOn(server);
    await store.push(part.descriptor, sourceOf(part.bytes), { kind: "blob" });
    assert.equal(server.lines[1], "POST /v2/team/app/blobs/uploads/?digest-algorithm=sha512");
  });

  test("an answer that names another digest is an error", async () => {
    await using server = await scripted((request, response) => {
      if (request.method === "HEAD") reply(response, 404);
      else if (request.method === "POST") reply(response, 202, { location: "/up" });
      else reply(response, 201, { "docker-content-digest": blob("other").descriptor.digest });
    });
    await using store = await storeOn(server);
    await failsWith(store.push(BLOB.descriptor, sourceOf(BLOB.bytes), { kind: "blob" }), "DIGEST_INVALID");
  });
});

describe("a mount", () => {
  const mount = async (status: number, repository = "other/app"): Promise<{ result: unknown; lines: string[] }> => {
    await using server = await scripted((_, response) =>
      reply(response, status, { location: "/v2/team/app/blobs/uploads/7" }),
    );
    await using store = await storeOn(server);
    const result = await store.mount?.(BLOB.descriptor, { medium: "registry", origin: server.origin, repository });
    return { result, lines: server.lines };
  };

  test("is done, or an upload to go on with, or nothing", async () => {
    const done = await mount(201);
    assert.equal(done.result, "mounted");
    assert.deepEqual(done.lines, [
      `POST /v2/team/app/blobs/uploads/?mount=${encodeURIComponent(BLOB.descriptor.digest)}&from=other%2Fapp`,
    ]);
    assert.match((await mount(202)).result?.constructor.name ?? "", /Upload/);
    for (const status of [400, 403, 404, 405]) assert.equal((await mount(status)).result, false);
  });

  test("is not tried from another origin, another medium, or the same repository", async () => {
    await using server = await scripted((_, response) => reply(response, 201));
    await using store = await storeOn(server);
    for (const from of [
      undefined,
      { medium: "memory", id: "1" } as const,
      { medium: "registry", origin: "https://other.example", repository: "a" } as const,
      { medium: "registry", origin: server.origin, repository: "team/app" } as const,
    ]) {
      assert.equal(await store.mount?.(BLOB.descriptor, from), false);
    }
    assert.equal(server.seen.length, 0);
  });
});

test("a staged upload sends what it was given and can be closed", async () => {
  const { script, stored } = uploads(() => false);
  await using server = await scripted(script);
  await using store = await storeOn(server, { chunkSize: 64 });
  assert.ok(store.stage && store.resume);
  await using upload = await store.stage();
  assert.equal(await upload.append(fromBuffer(CONTENT.subarray(0, 70)), 0), 70);
  await using again = await store.resume(upload.id);
  await again.append(fromBuffer(CONTENT.subarray(70)), 70);
  assert.deepEqual(await again.commit(BLOB.descriptor.digest), {
    mediaType: "application/octet-stream",
    digest: BLOB.descriptor.digest,
    size: 100,
  });
  assert.deepEqual(stored(), CONTENT);
  await failsWith(store.resume("no URL"), "BLOB_UPLOAD_UNKNOWN");
});
