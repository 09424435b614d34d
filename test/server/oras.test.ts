import assert from "node:assert/strict";
import { test } from "node:test";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { blob, image, json, type Piece } from "../support/content.ts";
import { type Answer, MEDIA, openProbe, parsed, type Probe, putBlob, putImage, putManifest, text } from "./probe.ts";

const CREATED = "io.cncf.oras.artifact.created";

function artifact(mediaType: string, subject: Descriptor | undefined, extra: Record<string, unknown> = {}): Piece {
  return json({ mediaType, ...(subject ? { subject } : {}), ...extra }, mediaType);
}

function nextOf(answer: Answer): string | undefined {
  return /^<(.*)>; rel="next"$/.exec(text(answer, "link"))?.[1];
}

async function listed(probe: Probe, first: string): Promise<{ pages: number; digests: string[] }> {
  const digests: string[] = [];
  let pages = 0;
  for (let target: string | undefined = first; target !== undefined; pages++) {
    const answer: Answer = await probe.send("GET", target);
    assert.equal(answer.status, 200, answer.bytes.toString());
    assert.equal(text(answer, "oras-api-version"), "oras/1.0");
    digests.push(...parsed<{ referrers: Descriptor[] }>(answer).referrers.map(({ digest }) => digest));
    target = nextOf(answer);
  }
  return { pages, digests };
}

for (const medium of MEDIA) {
  test(`${medium}: ORAS clients find the endpoint, and the referrers there, most recent first, in pages`, async () => {
    await using probe = await openProbe(medium);
    const subject = (await putImage(probe, "a", "v1")).manifest.descriptor;
    const dates = ["2022-03-01T00:00:00Z", undefined, "2022-03-01T02:00:00+01:00", "2021-01-01T00:00:00Z", "garbage"];
    const parts = dates.map((date, at) =>
      artifact(MediaType.OrasArtifactManifest, subject, {
        artifactType: at === 3 ? "example/old" : "example/sbom",
        annotations: { "org.example.at": `${at}`, ...(date === undefined ? {} : { [CREATED]: date }) },
      }),
    );
    for (const part of parts) {
      assert.equal((await putManifest(probe, "a", part, part.descriptor.digest)).status, 201);
    }
    // Of the specification's own kind, with the specification's own annotation: behind those of ORAS.
    const annotations = { "org.opencontainers.image.created": "2030-01-01T00:00:00Z" };
    const modern = await putImage(probe, "a", "scan", image("scan", { subject, annotations }));

    const { extensions } = parsed<{ extensions: { name: string; endpoints: string[] }[] }>(
      await probe.send("GET", "/v2/a/_oci/ext/discover"),
    );
    const oras = extensions.find(({ name }) => name === "_oras");
    assert.deepEqual(oras?.endpoints, ["_oras/artifacts/referrers"]);
    const base = `/v2/a/${oras.endpoints[0]}?digest=${subject.digest}`;
    const digests = parts.map(({ descriptor }) => descriptor.digest);
    const undated = [digests[1], digests[4]].toSorted();
    const expected = [digests[2], digests[0], digests[3], modern.manifest.descriptor.digest, ...undated];
    assert.deepEqual(await listed(probe, base), { pages: 1, digests: expected });
    assert.deepEqual(await listed(probe, `${base}&n=1`), { pages: 6, digests: expected });
    assert.deepEqual(await listed(probe, `${base}&n=4`), { pages: 2, digests: expected });
    assert.deepEqual(await listed(probe, `${base}&n=6`), { pages: 1, digests: expected });
    assert.deepEqual(await listed(probe, `${base}&n=0`), { pages: 1, digests: [] });
    assert.deepEqual((await listed(probe, `${base}&n=1&artifactType=example/old`)).digests, [digests[3]]);
    const [first] = parsed<{ referrers: Descriptor[] }>(await probe.send("GET", base)).referrers;
    assert.deepEqual(first, {
      ...parts[2]?.descriptor,
      artifactType: "example/sbom",
      annotations: { "org.example.at": "2", [CREATED]: dates[2] },
    });
    assert.equal((await probe.send("HEAD", base)).status, 200);
  });

  test(`${medium}: the referrers of what is not here are none, what is no digest or token is refused`, async () => {
    await using probe = await openProbe(medium);
    const { digest } = image("none").manifest.descriptor;
    assert.deepEqual((await listed(probe, `/v2/none/_oras/artifacts/referrers?digest=${digest}`)).digests, []);
    assert.equal(await probe.registry.has("none"), false);
    const token = Buffer.from("9 x y").toString("base64url");
    for (const query of ["", "?digest=", "?digest=sha256:abc", `?digest=${digest}&n=x`]) {
      assert.equal((await probe.send("GET", `/v2/a/_oras/artifacts/referrers${query}`)).status, 400, query);
    }
    for (const bad of [token, "", "%00", "x".repeat(2000)]) {
      const answer = await probe.send("GET", `/v2/a/_oras/artifacts/referrers?digest=${digest}&nextToken=${bad}`);
      assert.equal(answer.status, 400, bad);
    }
  });

  test(`${medium}: the manifests of ORAS and of 1.1-rc are served as they were pushed, listed, and warned of`, async () => {
    await using probe = await openProbe(medium);
    const subject = (await putImage(probe, "a", "v1")).manifest.descriptor;
    const content = blob("an sbom");
    await putBlob(probe, "a", content);
    for (const mediaType of [MediaType.OrasArtifactManifest, MediaType.OciArtifactManifest]) {
      const part = artifact(mediaType, subject, {
        artifactType: "example/sbom",
        blobs: [content.descriptor],
        // Whatever else a document holds, it stays.
        "org.example.unknown": [1, { deep: true }],
      });
      const pushed = await putManifest(probe, "a", part, part.descriptor.digest);
      assert.equal(pushed.status, 201);
      assert.equal(text(pushed, "oci-subject"), subject.digest);
      assert.match(text(pushed, "warning"), /^299 - "The type application\/vnd\.[^"]+"$/);
      const got = await probe.send("GET", `/v2/a/manifests/${part.descriptor.digest}`);
      assert.equal(text(got, "content-type"), mediaType);
      assert.deepEqual(got.bytes, Buffer.from(part.bytes));
      const { manifests } = parsed<{ manifests: Descriptor[] }>(
        await probe.send("GET", `/v2/a/referrers/${subject.digest}?artifactType=example/sbom`),
      );
      assert.ok(manifests.some(({ digest }) => digest === part.descriptor.digest));
      const missing = artifact(mediaType, subject, { artifactType: "example/sbom", blobs: [blob("x").descriptor] });
      const refused = await putManifest(probe, "a", missing, missing.descriptor.digest);
      assert.equal(refused.code, "MANIFEST_BLOB_UNKNOWN");
    }
  });

  test(`${medium}: a subject may follow later, also that of ORAS's manifest: copies bring referrers first`, async () => {
    await using probe = await openProbe(medium);
    const subject = image("later").manifest.descriptor;
    for (const mediaType of [MediaType.OrasArtifactManifest, MediaType.OciArtifactManifest]) {
      const part = artifact(mediaType, subject, { artifactType: "example/sbom" });
      assert.equal((await putManifest(probe, "a", part, part.descriptor.digest)).status, 201);
    }
    await putImage(probe, "a", "v1", image("later"));
    const { digests } = await listed(probe, `/v2/a/_oras/artifacts/referrers?digest=${subject.digest}`);
    assert.equal(digests.length, 2);
  });
}

test("only the page is kept of many referrers, and a page never grows past what clients read", async () => {
  await using probe = await openProbe();
  const subject = (await putImage(probe, "a", "v1")).manifest.descriptor;
  const padding = "x".repeat(100_000);
  const expected: string[] = [];
  for (let at = 0; at < 40; at++) {
    const part = artifact(MediaType.OrasArtifactManifest, subject, {
      artifactType: "example/sbom",
      annotations: { [CREATED]: new Date(Date.UTC(2022, 0, 1, 0, 0, at)).toISOString(), "org.example.long": padding },
    });
    await putManifest(probe, "a", part, part.descriptor.digest);
    expected.unshift(part.descriptor.digest);
  }
  const { pages, digests } = await listed(probe, `/v2/a/_oras/artifacts/referrers?digest=${subject.digest}`);
  assert.deepEqual(digests, expected);
  assert.equal(pages, 2);
});
