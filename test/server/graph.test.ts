import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Bytes } from "../../src/bytes/bytes.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Piece } from "../support/content.ts";
import { type Graph, graphs } from "./graph-fixture.ts";
import { type Answer, MEDIA, openProbe, parsed, type Probe, putManifest, startUpload, text } from "./probe.ts";

/** Where one graph goes: a repository of its own, in a registry that holds others. */
interface Site {
  readonly probe: Probe;
  readonly here: string;
  readonly there: string;
}

async function* pieces(bytes: Uint8Array): Bytes {
  for (let at = 0; at < bytes.length; at += 64 * 1024) yield bytes.subarray(at, at + 64 * 1024);
}

/** Every way to bring a blob in, one after the other. */
const WAYS: readonly ((site: Site, part: Piece) => Promise<Answer>)[] = [
  ({ probe, here }, { descriptor, bytes }) =>
    probe.send("POST", `/v2/${here}/blobs/uploads/?digest=${descriptor.digest}`, { body: bytes }),
  async ({ probe, here }, { descriptor, bytes }) =>
    probe.send("PUT", `${await startUpload(probe, here)}?digest=${descriptor.digest}`, { body: bytes }),
  async ({ probe, here }, { descriptor, bytes }) => {
    const location = await startUpload(probe, here);
    assert.equal((await probe.send("PATCH", location, { body: pieces(bytes) })).status, 202);
    return probe.send("PUT", `${location}?digest=${descriptor.digest}`);
  },
  async ({ probe, here }, { descriptor, bytes }) => {
    const location = await startUpload(probe, here);
    const half = bytes.length >> 1;
    const range = (start: number, end: number) => ({ "content-range": `${start}-${end - 1}` });
    await probe.send("PATCH", location, { body: bytes.subarray(0, half), headers: range(0, half) });
    return probe.send("PUT", `${location}?digest=${descriptor.digest}`, {
      body: bytes.subarray(half),
      headers: range(half, bytes.length),
    });
  },
  async ({ probe, here, there }, { descriptor, bytes }) => {
    const { digest } = descriptor;
    await probe.send("POST", `/v2/${there}/blobs/uploads/?digest=${digest}`, { body: bytes });
    return probe.send("POST", `/v2/${here}/blobs/uploads/?mount=${digest}&from=${there}`);
  },
  async ({ probe, here, there }, { descriptor, bytes }) => {
    const { digest } = descriptor;
    await probe.send("POST", `/v2/${there}/blobs/uploads/?digest=${digest}`, { body: bytes });
    return probe.send("POST", `/v2/${here}/blobs/uploads/?mount=${digest}`);
  },
];

async function isThere(probe: Probe, path: string, { descriptor, bytes }: Piece, type: string): Promise<void> {
  for (const method of ["HEAD", "GET"]) {
    const answer = await probe.send(method, path);
    assert.equal(answer.status, 200, `${method} ${path}`);
    assert.equal(text(answer, "docker-content-digest"), descriptor.digest);
    assert.equal(text(answer, "content-length"), `${bytes.length}`);
    assert.equal(text(answer, "content-type"), type);
    assert.deepEqual(answer.bytes, method === "GET" ? Buffer.from(bytes) : Buffer.alloc(0));
  }
}

async function isGone(probe: Probe, path: string): Promise<void> {
  for (const method of ["HEAD", "GET"]) assert.equal((await probe.send(method, path)).status, 404, `${method} ${path}`);
}

async function push(site: Site, graph: Graph): Promise<void> {
  const { probe, here } = site;
  for (const [at, part] of graph.blobs.entries()) {
    const answer = await WAYS[at % WAYS.length]?.(site, part);
    assert.ok(answer);
    assert.equal(answer.status, 201, `blob ${at}: ${answer.bytes.toString()}`);
    assert.equal(text(answer, "docker-content-digest"), part.descriptor.digest);
    await isThere(probe, text(answer, "location"), part, "application/octet-stream");
  }
  for (const [at, part] of graph.manifests.entries()) {
    const { digest, mediaType } = part.descriptor;
    // A tag of a manifest under sha512 is only to be had by a push by digest (end-7b).
    const answer = await probe.send("PUT", `/v2/${here}/manifests/${digest}?tag=t${at}&tag=u${at}`, {
      body: pieces(part.bytes),
      headers: { "content-type": mediaType },
    });
    assert.equal(answer.status, 201, answer.bytes.toString());
    assert.equal(text(answer, "oci-tag"), `t${at},u${at}`);
    const { subject } = JSON.parse(Buffer.from(part.bytes).toString()) as { subject?: Descriptor };
    assert.equal(text(answer, "oci-subject"), subject?.digest ?? "");
    await isThere(probe, text(answer, "location"), part, mediaType);
    await isThere(probe, `/v2/${here}/manifests/t${at}`, part, mediaType);
  }
}

async function checkReferrers({ probe, here }: Site, graph: Graph): Promise<void> {
  const list = async (subject: string, query = "") =>
    parsed<{ manifests: Descriptor[] }>(await probe.send("GET", `/v2/${here}/referrers/${subject}${query}`)).manifests;
  for (const { subject, referrer, artifactType } of graph.referrers ?? []) {
    const { annotations } = JSON.parse(Buffer.from(referrer.bytes).toString()) as { annotations?: object };
    const expected = { ...referrer.descriptor, artifactType, ...(annotations ? { annotations } : {}) };
    assert.deepEqual(await list(subject, `?artifactType=${artifactType}`), [expected]);
    const all = await list(subject);
    assert.equal(all.length, graph.referrers?.length);
    assert.ok(all.some(({ digest }) => digest === referrer.descriptor.digest));
  }
}

/** Tags, then manifests from the top, then blobs; what is deleted is gone at once, and nothing else with it. */
async function remove({ probe, here }: Site, graph: Graph): Promise<void> {
  for (const [at, part] of graph.manifests.entries()) {
    assert.equal((await probe.send("DELETE", `/v2/${here}/manifests/t${at}`)).status, 202);
    await isGone(probe, `/v2/${here}/manifests/t${at}`);
    await isThere(probe, `/v2/${here}/manifests/u${at}`, part, part.descriptor.mediaType);
  }
  for (const [at, { descriptor }] of [...graph.manifests.entries()].toReversed()) {
    assert.equal((await probe.send("DELETE", `/v2/${here}/manifests/${descriptor.digest}`)).status, 202);
    await isGone(probe, `/v2/${here}/manifests/${descriptor.digest}`);
    await isGone(probe, `/v2/${here}/manifests/u${at}`);
  }
  for (const digest of new Set(graph.blobs.map(({ descriptor }) => descriptor.digest))) {
    assert.equal((await probe.send("DELETE", `/v2/${here}/blobs/${digest}`)).status, 202);
    await isGone(probe, `/v2/${here}/blobs/${digest}`);
  }
  for (const { subject } of graph.referrers ?? []) {
    const { manifests } = parsed<{ manifests: unknown[] }>(await probe.send("GET", `/v2/${here}/referrers/${subject}`));
    assert.deepEqual(manifests, []);
  }
}

for (const medium of MEDIA) {
  for (const algorithm of ["sha256", "sha512"] as const) {
    describe(`${medium}, ${algorithm}: pushed, listed, read, pointed at and deleted`, () => {
      let probe: Probe;
      before(async () => {
        probe = await openProbe(medium);
      });
      after(() => probe[Symbol.asyncDispose]());

      for (const [number, graph] of graphs(algorithm).entries()) {
        const here = `team/app-${number}`;
        test(graph.name, async () => {
          const site = { probe, here, there: `other/app-${number}` };
          await push(site, graph);
          const list = async (query: string) =>
            parsed<{ tags: string[] }>(await probe.send("GET", `/v2/${here}/tags/list${query}`)).tags;
          const expected = graph.manifests.flatMap((_, at) => [`t${at}`, `u${at}`]).toSorted();
          assert.deepEqual(await list(""), expected);
          assert.deepEqual(await list("?last=t0"), expected.slice(1));
          await checkReferrers(site, graph);
          await remove(site, graph);
        });
      }

      test("what does not have its digest is refused, by digest and under a tag's digest", async () => {
        const here = "team/padded";
        const [graph] = graphs(algorithm);
        const [part] = graph?.manifests ?? [];
        assert.ok(graph && part);
        for (const blob of graph.blobs) await WAYS[0]?.({ probe, here, there: here }, blob);
        const padded = { ...part, bytes: Buffer.concat([part.bytes, Buffer.from("  ")]) };
        const answer = await putManifest(probe, here, padded, part.descriptor.digest);
        assert.equal(answer.code, "DIGEST_INVALID");
        await isGone(probe, `/v2/${here}/manifests/${part.descriptor.digest}`);
      });
    });
  }
}
