import assert from "node:assert/strict";
import { test } from "node:test";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { fallbackTag } from "../../src/spec/referrer.ts";
import { blob, image, index } from "../support/content.ts";
import { type Answer, MEDIA, openProbe, parsed, putImage, putManifest, text } from "./probe.ts";

function nextOf(answer: Answer): string | undefined {
  return /^<(.*)>; rel="next"$/.exec(text(answer, "link"))?.[1];
}

for (const medium of MEDIA) {
  test(`${medium} B19, B20: tags come in order and in pages`, async () => {
    await using probe = await openProbe(medium);
    const { manifest } = await putImage(probe, "a", "v1");
    for (const tag of ["b", "B", "a", "_", "10", "9"]) await putManifest(probe, "a", manifest, tag);
    const list = async (query: string) => {
      const answer = await probe.send("GET", `/v2/a/tags/list${query}`);
      assert.equal(answer.status, 200, query);
      return { tags: parsed<{ tags: string[] }>(answer).tags, next: nextOf(answer) };
    };
    const all = ["10", "9", "B", "_", "a", "b", "v1"];
    assert.deepEqual(await list(""), { tags: all, next: undefined });
    assert.deepEqual(await list("?n=0"), { tags: [], next: undefined });
    assert.deepEqual(await list("?n=7"), { tags: all, next: undefined });
    assert.deepEqual(await list(`?n=${"9".repeat(30)}`), { tags: all, next: undefined });
    assert.deepEqual(await list("?last=B"), { tags: all.slice(3), next: undefined });
    assert.deepEqual(await list("?last=C"), { tags: all.slice(3), next: undefined });
    assert.deepEqual(await list("?last=../../x"), { tags: all, next: undefined });
    const paged: string[] = [];
    for (let target: string | undefined = "/v2/a/tags/list?n=3"; target !== undefined;) {
      const answer: Answer = await probe.send("GET", target);
      paged.push(...parsed<{ tags: string[] }>(answer).tags);
      target = nextOf(answer);
    }
    assert.deepEqual(paged, all);
    for (const query of ["n=-1", "n=abc", "n=1e5", "n=", "n=1&n=2", `last=${"x".repeat(600)}`]) {
      assert.equal((await probe.send("GET", `/v2/a/tags/list?${query}`)).status, 400, query);
    }
  });

  test(`${medium}: an empty list is [], a missing repository 404`, async () => {
    await using probe = await openProbe(medium);
    await putImage(probe, "a", "v1");
    await probe.send("DELETE", "/v2/a/manifests/v1");
    assert.deepEqual(parsed(await probe.send("GET", "/v2/a/tags/list")), { name: "a", tags: [] });
    const missing = await probe.send("GET", "/v2/none/tags/list");
    assert.equal(missing.status, 404);
    assert.equal(missing.code, "NAME_UNKNOWN");
    assert.equal(await probe.registry.has("none"), false);
  });

  test(`${medium} B18, B23: referrers of what is here, what is not here yet, and what is gone`, async () => {
    await using probe = await openProbe(medium);
    const list = async (digest: string, query = "", repository = "a") => {
      const answer = await probe.send("GET", `/v2/${repository}/referrers/${digest}${query}`);
      assert.equal(answer.status, 200);
      assert.equal(text(answer, "content-type"), MediaType.ImageIndex);
      const body = parsed<{ schemaVersion: number; mediaType: string; manifests: Descriptor[] }>(answer);
      assert.equal(body.schemaVersion, 2);
      assert.equal(body.mediaType, MediaType.ImageIndex);
      return { manifests: body.manifests, answer };
    };
    const subject = image("subject").manifest.descriptor;
    assert.deepEqual((await list(subject.digest, "", "none")).manifests, []);
    const annotations = { "org.example.what": "a scan" };
    const scan = image("scan", { subject, artifactType: "application/vnd.scan+json", annotations });
    const plain = image("plain", { subject });
    for (const parts of [scan, plain]) await putImage(probe, "a", `at-${parts.manifest.descriptor.size}`, parts);
    const pushed = await putManifest(probe, "a", scan.manifest, scan.manifest.descriptor.digest);
    assert.equal(text(pushed, "oci-subject"), subject.digest);
    const wrapped = index([], { subject, artifactType: "application/vnd.wrapped+json" });
    assert.equal(
      text(await putManifest(probe, "a", wrapped, wrapped.descriptor.digest), "oci-subject"),
      subject.digest,
    );

    const all = await list(subject.digest);
    assert.equal(all.answer.headers["oci-filters-applied"], undefined);
    const types = all.manifests.map(({ artifactType }) => artifactType).toSorted();
    assert.deepEqual(types, [
      "application/vnd.oci.image.config.v1+json",
      "application/vnd.scan+json",
      "application/vnd.wrapped+json",
    ]);
    const paged: Descriptor[][] = [];
    for (let target: string | undefined = `/v2/a/referrers/${subject.digest}?n=2`; target !== undefined;) {
      const answer: Answer = await probe.send("GET", target);
      paged.push(parsed<{ manifests: Descriptor[] }>(answer).manifests);
      target = nextOf(answer);
    }
    assert.deepEqual(paged, [all.manifests.slice(0, 2), all.manifests.slice(2)]);
    assert.deepEqual((await list(subject.digest, "?n=0")).manifests, []);
    for (const type of ["application/vnd.scan+json", "application/vnd.scan%2bjson"]) {
      const filtered = await list(subject.digest, `?artifactType=${type}`);
      assert.equal(text(filtered.answer, "oci-filters-applied"), "artifactType");
      assert.deepEqual(filtered.manifests, [
        { ...scan.manifest.descriptor, artifactType: "application/vnd.scan+json", annotations },
      ]);
    }
    assert.deepEqual((await list(subject.digest, "?artifactType=none/such")).manifests, []);
    await putImage(probe, "a", "subject", image("subject"));
    await probe.send("DELETE", `/v2/a/manifests/${subject.digest}`);
    assert.equal((await list(subject.digest)).manifests.length, 3);
    await probe.send("DELETE", `/v2/a/manifests/${scan.manifest.descriptor.digest}`);
    assert.equal((await list(subject.digest)).manifests.length, 2);
  });

  test(`${medium}: digest tags are no referrers by the API`, async () => {
    await using probe = await openProbe(medium);
    const { manifest } = await putImage(probe, "a", "v1");
    await putImage(probe, "a", `${fallbackTag(manifest.descriptor.digest)}.sig`, image("signature"));
    const answer = await probe.send("GET", `/v2/a/referrers/${manifest.descriptor.digest}`);
    assert.deepEqual(parsed<{ manifests: unknown[] }>(answer).manifests, []);
  });

  test(`${medium}: the catalog in pages`, async () => {
    await using probe = await openProbe(medium);
    for (const name of ["b", "a/b", "a", "c-1"]) await putImage(probe, name, "v1");
    const paged: string[] = [];
    for (let target: string | undefined = "/v2/_catalog?n=3"; target !== undefined;) {
      const answer: Answer = await probe.send("GET", target);
      paged.push(...parsed<{ repositories: string[] }>(answer).repositories);
      target = nextOf(answer);
    }
    assert.deepEqual(paged, ["a", "a/b", "b", "c-1"]);
    assert.deepEqual(parsed(await probe.send("GET", "/v2/_catalog?n=0")), { repositories: [] });
    assert.equal((await probe.send("GET", "/v2/_catalog?n=1e9")).status, 400);
  });
}

test("B23 many referrers with large annotations come in pages, each once", async () => {
  await using probe = await openProbe();
  const subject = blob("subject").descriptor;
  const annotations = { "org.example.long": "x".repeat(100_000) };
  const expected: string[] = [];
  for (let at = 0; at < 60; at++) {
    const part = index([], { subject, annotations, artifactType: `application/vnd.n${at}` });
    expected.push(part.descriptor.digest);
    assert.equal((await putManifest(probe, "a", part, part.descriptor.digest)).status, 201);
  }
  const got: string[] = [];
  let pages = 0;
  for (let target: string | undefined = `/v2/a/referrers/${subject.digest}`; target !== undefined; pages++) {
    const answer: Answer = await probe.send("GET", target);
    assert.ok(answer.bytes.length < 4 * 1024 * 1024);
    got.push(...parsed<{ manifests: Descriptor[] }>(answer).manifests.map(({ digest }) => digest));
    target = nextOf(answer);
  }
  assert.ok(pages > 1);
  assert.deepEqual(got, expected.toSorted());
});
