import assert from "node:assert/strict";
import { test } from "node:test";
import { fallbackTag } from "../../src/spec/referrer.ts";
import { image, index, listed, pushBlob, pushImage, pushManifest, sourceOf, toArray } from "../support/content.ts";
import type { Context } from "./context.ts";

/** Referrers: listed as the spec says, in whatever way the medium records them. */
export function referrerContract({ open, traits }: Context): void {
  test("a referrer is listed with its type and all of its annotations", async () => {
    const store = await open();
    const subject = image("subject");
    await pushImage(store, subject, ["v1"]);
    const sbom = image("sbom", {
      subject: subject.manifest.descriptor,
      artifactType: "application/vnd.example.sbom",
      annotations: { "org.example.key": "value", "org.example.empty": "" },
    });
    await pushImage(store, sbom);
    const found = await toArray(store.referrers(subject.manifest.descriptor));
    assert.equal(found.length, 1);
    assert.equal(found[0]?.descriptor.digest, sbom.manifest.descriptor.digest);
    assert.equal(found[0]?.descriptor.size, sbom.manifest.descriptor.size);
    assert.equal(found[0]?.descriptor.artifactType, "application/vnd.example.sbom");
    assert.deepEqual({ ...found[0]?.descriptor.annotations }, { "org.example.key": "value", "org.example.empty": "" });
    assert.deepEqual(
      (await toArray(store.tags())).map((tag) => tag.name).filter((name) => !name.startsWith("sha256-")),
      ["v1"],
    );
  });

  test("a referrer without a type is listed under its config's", async () => {
    const store = await open();
    const subject = image("typed");
    await pushImage(store, subject);
    await pushImage(store, image("untyped", { subject: subject.manifest.descriptor }));
    const [found] = await toArray(store.referrers(subject.manifest.descriptor));
    assert.equal(found?.descriptor.artifactType, "application/vnd.oci.image.config.v1+json");
  });

  test("referrers are filtered by type", async () => {
    const store = await open();
    const subject = image("filtered");
    await pushImage(store, subject);
    for (const kind of ["a", "b", "b"]) {
      const seed = `${kind}${Math.random()}`;
      await pushImage(
        store,
        image(seed, { subject: subject.manifest.descriptor, artifactType: `application/x.${kind}` }),
      );
    }
    const count = async (artifactType?: string): Promise<number> =>
      (await toArray(store.referrers(subject.manifest.descriptor, artifactType ? { artifactType } : {}))).length;
    assert.deepEqual(
      [await count(), await count("application/x.a"), await count("application/x.b"), await count("c/c")],
      [3, 1, 2, 0],
    );
  });

  test("a referrer may come before its subject, and an index may be one", async () => {
    const store = await open();
    const subject = image("late");
    const early = index([], { subject: subject.manifest.descriptor, artifactType: "application/x.index" });
    await pushManifest(store, early);
    const [found] = await toArray(store.referrers(subject.manifest.descriptor));
    assert.equal(found?.descriptor.digest, early.descriptor.digest);
  });

  test("what nothing refers to has no referrers", async () => {
    const store = await open();
    await pushImage(store, image("lonely"), ["v1"]);
    assert.deepEqual(await toArray(store.referrers(image("lonely").manifest.descriptor)), []);
    assert.deepEqual(await toArray(store.referrers(image("absent").manifest.descriptor)), []);
  });

  test("a deleted referrer is listed no more", { skip: !traits.remove }, async () => {
    const store = await open();
    const subject = image("bereft");
    await pushImage(store, subject);
    const one = image("one", { subject: subject.manifest.descriptor, artifactType: "application/x.one" });
    const two = image("two", { subject: subject.manifest.descriptor, artifactType: "application/x.two" });
    await pushImage(store, one);
    await pushImage(store, two);
    await store.delete?.(one.manifest.descriptor, { kind: "manifest" });
    const left = await toArray(store.referrers(subject.manifest.descriptor));
    assert.deepEqual(
      left.map((item) => item.descriptor.digest),
      [two.manifest.descriptor.digest],
    );
  });

  test("referrers pushed unlisted appear once they are listed, together", async () => {
    const store = await open();
    const subject = image("batch");
    await pushImage(store, subject);
    const parts = Array.from({ length: 5 }, (_, at) =>
      image(`referrer ${at}`, { subject: subject.manifest.descriptor, artifactType: "application/x.batch" }),
    );
    let handled = true;
    for (const { manifest, blobs } of parts) {
      for (const part of blobs) await pushBlob(store, part);
      const result = await store.push(manifest.descriptor, sourceOf(manifest.bytes), {
        kind: "manifest",
        listed: false,
      });
      handled &&= result.subjectHandled;
      assert.equal(await store.exists(manifest.descriptor), true);
    }
    if (!handled) {
      assert.ok(store.listReferrers);
      const add = await Promise.all(parts.map(({ manifest }) => listed(manifest)));
      await store.listReferrers([{ subject: subject.manifest.descriptor, add, remove: [] }]);
    }
    const found = await toArray(store.referrers(subject.manifest.descriptor));
    assert.deepEqual(
      found.map((item) => item.descriptor.digest).toSorted(),
      parts.map(({ manifest }) => manifest.descriptor.digest).toSorted(),
    );
  });

  test("digest tags of any suffix are found with their tag", async () => {
    const store = await open();
    const subject = image("signed");
    const prefix = fallbackTag(subject.manifest.descriptor.digest);
    await pushImage(store, subject, ["v1"]);
    await pushImage(store, image("signature"), [`${prefix}.sig`]);
    await pushImage(store, image("seed"), [`${prefix}.0123abcd.sbom`]);
    const found = await toArray(store.referrers(subject.manifest.descriptor));
    assert.deepEqual(found.map(({ via, tag }) => [via, tag]).toSorted(), [
      ["digest-tag", `${prefix}.0123abcd.sbom`],
      ["digest-tag", `${prefix}.sig`],
    ]);
  });

  test("the indexes that list a manifest are told, without a tag as well", async () => {
    const store = await open();
    // Nobody can ask a registry for them.
    if (store.location.medium === "registry") return assert.equal(store.parents, undefined);
    const parts = image("listed");
    await pushImage(store, parts);
    const child = parts.manifest.descriptor;
    const parents = async (): Promise<readonly string[]> =>
      (await Array.fromAsync(store.parents?.(child.digest) ?? [])).map(({ digest }) => digest).toSorted();
    assert.deepEqual(await parents(), []);
    const inner = index([child, child]);
    const outer = index([inner.descriptor]);
    const tagged = index([child], { annotations: { "org.example.key": "another" } });
    const both = [inner.descriptor.digest, tagged.descriptor.digest].toSorted();
    await pushManifest(store, inner);
    await pushManifest(store, outer);
    await pushManifest(store, tagged, ["v1"]);
    assert.deepEqual(await parents(), both);
    assert.deepEqual(await Array.fromAsync(store.parents?.(inner.descriptor.digest) ?? []), [outer.descriptor]);
    await store.delete?.(tagged.descriptor, { kind: "manifest" });
    assert.deepEqual(await parents(), [inner.descriptor.digest]);
  });
}
