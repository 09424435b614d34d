import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { digestOf } from "../../src/bytes/hash.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { fallbackTag } from "../../src/spec/referrer.ts";
import { failsWith } from "../contract/context.ts";
import { image, index, listed, piece, toArray } from "../support/content.ts";
import { reply, type Script, scripted, storeOn } from "./scripted.ts";

const SUBJECT = image("subject").manifest;
const TAG = fallbackTag(SUBJECT.descriptor.digest);
const SBOM: Descriptor = { ...image("sbom").manifest.descriptor, artifactType: "application/x.sbom" };
const SCAN: Descriptor = { ...image("scan").manifest.descriptor, artifactType: "application/x.scan" };
const INDEX = { "content-type": MediaType.ImageIndex };

/** A registry without a referrers API: manifests under tags, nothing else. */
function tagged(held: Map<string, { type: string; bytes: Uint8Array }>, after?: (tag: string) => void): Script {
  return (request, response) => {
    const url = new URL(request.url, "http://x");
    const path = url.pathname;
    if (path.endsWith("/tags/list")) {
      const last = url.searchParams.get("last") ?? "";
      const tags = [...held.keys()].filter((tag) => tag > last).toSorted();
      return reply(response, 200, {}, JSON.stringify({ tags }));
    }
    const reference = /\/manifests\/(.+)$/.exec(path)?.[1];
    if (reference === undefined) return reply(response, 404, {}, "404 page not found");
    if (request.method === "PUT") {
      held.set(reference, { type: request.headers["content-type"] ?? "", bytes: request.body });
      reply(response, 201);
      return after?.(reference);
    }
    const found = held.get(reference) ?? [...held.values()].find(({ bytes }) => digestOf(bytes) === reference);
    if (!found) return reply(response, 404);
    const headers = {
      "content-type": found.type,
      "content-length": `${found.bytes.length}`,
      "docker-content-digest": digestOf(found.bytes),
    };
    return reply(response, 200, headers, request.method === "HEAD" ? "" : found.bytes);
  };
}

function entries(held: Map<string, { bytes: Uint8Array }>): string[] {
  const text = Buffer.from(held.get(TAG)?.bytes ?? "{}").toString();
  return (JSON.parse(text) as { manifests: Descriptor[] }).manifests.map(({ digest }) => digest);
}

describe("the referrers API", () => {
  test("is read page by page and filtered here where the registry does not", async () => {
    await using server = await scripted((request, response) => {
      if (!request.url.includes("/referrers/")) return reply(response, 404);
      if (request.url.includes("page=2")) return reply(response, 200, INDEX, index([SCAN, SBOM]).bytes);
      return reply(
        response,
        200,
        { ...INDEX, link: `<${request.url}${request.url.includes("?") ? "&" : "?"}page=2>; rel=next` },
        index([SBOM]).bytes,
      );
    });
    await using store = await storeOn(server);
    const all = await toArray(store.referrers(SUBJECT.descriptor));
    assert.deepEqual(
      all.map(({ descriptor, via }) => [descriptor.digest, via]),
      [
        [SBOM.digest, "api"],
        [SCAN.digest, "api"],
      ],
    );
    const scans = await toArray(store.referrers(SUBJECT.descriptor, { artifactType: "application/x.scan" }));
    assert.deepEqual(
      scans.map(({ descriptor }) => descriptor.digest),
      [SCAN.digest],
    );
    assert.ok(server.lines.some((line) => line.endsWith("?artifactType=application%2Fx.scan")));
  });

  test("ends at a circle, at another host, at nonsense", async () => {
    const answers: readonly [Record<string, string>, string][] = [
      [
        { ...INDEX, link: `</v2/team/app/referrers/${SUBJECT.descriptor.digest}>; rel="next"` },
        '{"schemaVersion":2,"manifests":[]}',
      ],
      [{ ...INDEX, link: '<https://evil.example/>; rel="next"' }, '{"schemaVersion":2,"manifests":[]}'],
      [INDEX, "<html>"],
      [INDEX, '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:../x","size":1}]}'],
    ];
    for (const [headers, body] of answers) {
      await using server = await scripted((_, response) => reply(response, 200, headers, body));
      await using store = await storeOn(server);
      await failsWith(toArray(store.referrers(SUBJECT.descriptor)), "PROTOCOL", "MANIFEST_INVALID", "DIGEST_INVALID");
    }
  });

  test("that fails is an error and never an empty list", async () => {
    for (const status of [401, 403, 429, 500]) {
      await using server = await scripted((_, response) => reply(response, status));
      await using store = await storeOn(server, { retries: 0 });
      await failsWith(
        toArray(store.referrers(SUBJECT.descriptor)),
        "UNAUTHORIZED",
        "DENIED",
        "TOOMANYREQUESTS",
        "NETWORK",
      );
    }
  });

  test("is asked for once per host where it is missing", async () => {
    const held = new Map([[TAG, { type: MediaType.ImageIndex, bytes: index([SBOM]).bytes }]]);
    await using server = await scripted(tagged(held));
    await using store = await storeOn(server);
    for (let round = 0; round < 3; round += 1) {
      const found = await toArray(store.referrers(SUBJECT.descriptor));
      assert.deepEqual(
        found.map(({ descriptor, via }) => [descriptor.digest, via]),
        [[SBOM.digest, "fallback-tag"]],
      );
    }
    assert.equal(server.lines.filter((line) => line.includes("/referrers/")).length, 1);
    assert.equal(server.lines.filter((line) => line.includes("/tags/list")).length, 1);
  });
});

describe("the fallback tag", () => {
  test("is merged: what others wrote stays, to the field", async () => {
    const odd = { ...SCAN, "org.example.unknown": [1] };
    const old = piece(
      JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ImageIndex, manifests: [odd], extra: true }),
      MediaType.ImageIndex,
    );
    const held = new Map([[TAG, { type: MediaType.ImageIndex, bytes: old.bytes }]]);
    await using server = await scripted(tagged(held));
    await using store = await storeOn(server);
    const change = { subject: SUBJECT.descriptor, add: [await listed(image("sbom").manifest)], remove: [] };
    await store.listReferrers?.([change]);
    await store.listReferrers?.([change]);
    assert.deepEqual(JSON.parse(Buffer.from(held.get(TAG)?.bytes ?? "").toString()), {
      schemaVersion: 2,
      mediaType: MediaType.ImageIndex,
      manifests: [odd, change.add[0]],
      extra: true,
    });
    assert.equal(server.lines.filter((line) => line.startsWith("PUT")).length, 1);
    await store.listReferrers?.([{ subject: SUBJECT.descriptor, add: [], remove: [SCAN.digest] }]);
    assert.deepEqual(entries(held), [SBOM.digest]);
  });

  test("is written again when somebody else wrote over it", async () => {
    const held = new Map<string, { type: string; bytes: Uint8Array }>();
    let meddled = 0;
    const meddle = (tag: string): void => {
      if (tag !== TAG || meddled >= 2) return;
      meddled += 1;
      held.set(TAG, { type: MediaType.ImageIndex, bytes: index([SCAN]).bytes });
    };
    await using server = await scripted(tagged(held, meddle));
    await using store = await storeOn(server);
    await store.listReferrers?.([{ subject: SUBJECT.descriptor, add: [SBOM], remove: [] }]);
    assert.deepEqual(entries(held), [SCAN.digest, SBOM.digest]);
    assert.equal(meddled, 2);
  });

  test("takes many at once from one process, from two stores of a host", async () => {
    const held = new Map<string, { type: string; bytes: Uint8Array }>();
    await using server = await scripted(tagged(held));
    await using store = await storeOn(server);
    const all = Array.from({ length: 6 }, (_, at) => image(`n${at}`).manifest.descriptor);
    await Promise.all(
      all.map(async (one) => store.listReferrers?.([{ subject: SUBJECT.descriptor, add: [one], remove: [] }])),
    );
    assert.deepEqual(entries(held).toSorted(), all.map(({ digest }) => digest).toSorted());
  });

  test("that holds the subject itself, or an image, is not touched", async () => {
    for (const part of [SUBJECT, image("an image").manifest]) {
      const held = new Map([[TAG, { type: part.descriptor.mediaType, bytes: part.bytes }]]);
      await using server = await scripted(tagged(held));
      await using store = await storeOn(server);
      await failsWith(
        store.listReferrers?.([{ subject: SUBJECT.descriptor, add: [SBOM], remove: [] }]) ?? Promise.resolve(),
        "MANIFEST_INVALID",
      );
      assert.deepEqual(held.get(TAG)?.bytes, part.bytes);
      assert.ok(server.lines.every((line) => !line.startsWith("PUT") && !line.startsWith("DELETE")));
    }
  });

  test("of a sha512 subject is checked entry by entry", async () => {
    const subject: Descriptor = { ...SUBJECT.descriptor, digest: digestOf(SUBJECT.bytes, "sha512") };
    const mine = image("mine", { subject }).manifest;
    const others = image("others", { subject: SUBJECT.descriptor }).manifest;
    const held = new Map([
      [
        fallbackTag(subject.digest),
        { type: MediaType.ImageIndex, bytes: index([mine.descriptor, others.descriptor]).bytes },
      ],
      ["mine", { type: mine.descriptor.mediaType, bytes: mine.bytes }],
      ["others", { type: others.descriptor.mediaType, bytes: others.bytes }],
    ]);
    await using server = await scripted(tagged(held));
    await using store = await storeOn(server);
    const found = await toArray(store.referrers(subject));
    assert.deepEqual(
      found.map(({ descriptor }) => descriptor.digest),
      [mine.descriptor.digest],
    );
  });
});

for (const [between, requests] of [
  ["v", 1],
  // In the order of tags, these lie between those of sha256 and those of sha512.
  ["sha3-", 2],
] as const)
  test(`digest tags are found by jumping, in ${requests} of the requests that thousands of tags take`, async () => {
    const signature = image("signature").manifest;
    const names = [
      ...Array.from({ length: 5000 }, (_, at) => `build-${String(at).padStart(5, "0")}`),
      `${TAG}.sig`,
      ...Array.from({ length: 5000 }, (_, at) => `${between}${String(at).padStart(5, "0")}`),
    ];
    await using server = await scripted((request, response) => {
      const url = new URL(request.url, "http://x");
      if (url.pathname.endsWith("/tags/list")) {
        const last = url.searchParams.get("last") ?? "";
        const rest = names.filter((name) => name > last);
        const page = rest.slice(0, 1000);
        const link =
          rest.length > page.length ? { link: `</v2/team/app/tags/list?n=1000&last=${page.at(-1)}>; rel="next"` } : {};
        return reply(response, 200, link, JSON.stringify({ tags: page }));
      }
      if (!url.pathname.endsWith(".sig")) return reply(response, 404, {}, "404 page not found");
      const { mediaType, digest, size } = signature.descriptor;
      return reply(response, 200, {
        "content-type": mediaType,
        "content-length": `${size}`,
        "docker-content-digest": digest,
      });
    });
    await using store = await storeOn(server);
    const found = await toArray(store.referrers(SUBJECT.descriptor));
    assert.deepEqual(found, [{ descriptor: signature.descriptor, via: "digest-tag", tag: `${TAG}.sig` }]);
    assert.equal(server.lines.filter((line) => line.includes("/tags/list")).length, requests);
  });
