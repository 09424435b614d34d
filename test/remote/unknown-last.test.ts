import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { digestOf } from "../../src/bytes/hash.ts";
import { openRemoteRegistry } from "../../src/remote/open-remote.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { fallbackTag } from "../../src/spec/referrer.ts";
import { failsWith } from "../contract/context.ts";
import { image, toArray } from "../support/content.ts";
import { complaint, reply, type Script, scripted, storeOn } from "./scripted.ts";

const subject = image("subject").manifest.descriptor;
const signature = image("signature").manifest;
const SIGNATURE = `${fallbackTag(subject.digest)}.sig`;
const TAGS = [SIGNATURE, "v1", "v3"];

/** As zot does it: after a tag or a repository that is not there is nothing, or nowhere. */
const zot: Script = ({ url }, response) => {
  const { pathname, searchParams } = new URL(url, "http://x");
  const last = searchParams.get("last");
  if (pathname === "/v2/_catalog") {
    const repositories = last === null || last === "a" ? ["a", "c"].filter((name) => name > (last ?? "")) : [];
    return reply(response, 200, {}, JSON.stringify({ repositories }));
  }
  if (pathname === "/v2/team/app/tags/list") {
    const at = last === null ? -1 : TAGS.indexOf(last);
    if (last !== null && at === -1) return reply(response, 404);
    return reply(response, 200, {}, JSON.stringify({ name: "team/app", tags: TAGS.slice(at + 1) }));
  }
  if (pathname === `/v2/team/app/manifests/${SIGNATURE}`) {
    const headers = {
      "content-type": MediaType.ImageManifest,
      "docker-content-digest": digestOf(signature.bytes),
      "content-length": `${signature.bytes.length}`,
    };
    return reply(response, 200, headers, signature.bytes);
  }
  if (pathname.startsWith("/v2/team/app/referrers/")) {
    const body = { schemaVersion: 2, mediaType: MediaType.ImageIndex, manifests: [] };
    return reply(response, 200, { "content-type": MediaType.ImageIndex }, JSON.stringify(body));
  }
  return reply(response, 404, {}, complaint("NAME_UNKNOWN"));
};

describe("a registry that knows nothing after a tag that is not there", () => {
  test("gives its digest tags all the same: a signature under one is found", async () => {
    await using server = await scripted(zot);
    await using store = await storeOn(server);
    const found = await toArray(store.referrers(subject));
    assert.deepEqual(
      found.map(({ descriptor, tag, via }) => [descriptor.digest, tag, via]),
      [[signature.descriptor.digest, SIGNATURE, "digest-tag"]],
    );
  });

  test("lists what follows, tags and repositories", async () => {
    await using server = await scripted(zot);
    await using store = await storeOn(server);
    const names = async (after: string, limit?: number) =>
      (await toArray(store.tags({ after, ...(limit === undefined ? {} : { limit }) }))).map(({ name }) => name);
    assert.deepEqual(await names("v2"), ["v3"]);
    assert.deepEqual(await names("t", 1), ["v1"]);
    assert.deepEqual(await names("v1"), ["v3"]);
    await using registry = await openRemoteRegistry({ host: server.host });
    assert.deepEqual(await toArray(registry.repositories({ after: "b" })), ["c"]);
    assert.deepEqual(await toArray(registry.repositories({ after: "a" })), ["c"]);
  });

  test("still says which repository is not there", async () => {
    await using server = await scripted((_, response) => reply(response, 404, {}, complaint("NAME_UNKNOWN")));
    await using store = await storeOn(server);
    await failsWith(toArray(store.tags({ after: "v1" })), "NAME_UNKNOWN");
  });
});
