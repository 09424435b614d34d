import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failsWith } from "../contract/context.ts";
import { image, piece, sourceOf } from "../support/content.ts";
import { complaint, reply, type Script, scripted, storeOn } from "./scripted.ts";

const OLD = image("old").manifest;
const NEW = image("new").manifest;

/** One tag, "latest", at OLD; `put` answers writes. */
function registry(put: Script, etag = true): Script {
  return (request, response, number) => {
    if (request.method === "PUT" || request.method === "DELETE") return put(request, response, number);
    const asked = request.url.endsWith(NEW.descriptor.digest) ? NEW : OLD;
    if (asked === OLD && !request.url.endsWith("/latest")) return reply(response, 404);
    const { mediaType, digest, size } = asked.descriptor;
    const headers = { "content-type": mediaType, "content-length": `${size}`, "docker-content-digest": digest };
    return reply(
      response,
      200,
      { ...headers, ...(etag ? { etag: `"${digest}"` } : {}) },
      request.method === "HEAD" ? "" : asked.bytes,
    );
  };
}

const MOVE = [{ tag: "latest", to: NEW.descriptor, expect: OLD.descriptor.digest }];

describe("compare-and-swap on tags", () => {
  test("is claimed only where the registry proves that it honours the condition", async () => {
    await using server = await scripted(
      registry((request, response) => reply(response, request.headers["if-match"]?.includes("0000") ? 412 : 201)),
    );
    await using store = await storeOn(server);
    assert.deepEqual(await store.update(MOVE), { guarded: true });
    const written = server.seen.filter(({ method }) => method === "PUT");
    assert.deepEqual(
      written.map(({ url }) => url),
      [`/v2/team/app/manifests/${NEW.descriptor.digest}`, "/v2/team/app/manifests/latest"],
    );
    assert.equal(written[1]?.headers["if-match"], `"${OLD.descriptor.digest}"`);
  });

  test("is not claimed where conditions are ignored, or no ETag is shown", async () => {
    for (const etag of [true, false]) {
      await using server = await scripted(registry((_, response) => reply(response, 201), etag));
      await using store = await storeOn(server);
      assert.deepEqual(await store.update(MOVE), { guarded: false });
      assert.equal(server.lines.at(-1), "PUT /v2/team/app/manifests/latest");
    }
  });

  test("changes nothing when the tag is elsewhere, or there at all", async () => {
    await using server = await scripted(registry((_, response) => reply(response, 201)));
    await using store = await storeOn(server);
    await failsWith(store.update([{ tag: "latest", to: NEW.descriptor, expect: NEW.descriptor.digest }]), "CONFLICT");
    await failsWith(store.update([{ tag: "latest", to: NEW.descriptor, expect: null }]), "CONFLICT");
    await failsWith(
      store.update([...MOVE, { tag: "absent", to: NEW.descriptor, expect: OLD.descriptor.digest }]),
      "CONFLICT",
    );
    assert.ok(server.seen.every(({ method }) => method !== "PUT"));
  });

  test("a race lost at the registry is CONFLICT", async () => {
    await using server = await scripted(registry((_, response) => reply(response, 412)));
    await using store = await storeOn(server);
    await failsWith(store.update(MOVE), "CONFLICT");
  });
});

describe("deleting a tag", () => {
  for (const status of [400, 405]) {
    test(`is UNSUPPORTED where the registry says ${status}`, async () => {
      await using server = await scripted((_, response) => reply(response, status, {}, complaint("DIGEST_INVALID")));
      await using store = await storeOn(server);
      await failsWith(store.update([{ tag: "v1", to: null }]), "UNSUPPORTED");
      assert.deepEqual(server.lines, ["DELETE /v2/team/app/manifests/v1"]);
    });
  }
});

describe("a manifest by its sha512 digest", () => {
  const part = piece(NEW.bytes, NEW.descriptor.mediaType, "sha512");
  const push = async (headers: Record<string, string>): Promise<string[]> => {
    await using server = await scripted((request, response) =>
      request.method === "PUT" ? reply(response, 201, request.url.includes("?") ? headers : {}) : reply(response, 404),
    );
    await using store = await storeOn(server);
    await store.push(part.descriptor, sourceOf(part.bytes), { kind: "manifest", tags: ["v1"] });
    return server.lines;
  };

  test("is tagged by parameter, and not at all where the registry does not confirm it", async () => {
    const lines = await push({ "oci-tag": "v0, v1" });
    assert.equal(lines.at(-1), `PUT /v2/team/app/manifests/${part.descriptor.digest}?tag=v1`);
    await failsWith(push({}), "UNSUPPORTED");
  });
});
