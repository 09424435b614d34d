import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isOciError } from "../../src/error/oci-error.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { Annotation } from "../../src/spec/annotation.ts";
import type { JsonObject } from "../../src/spec/json.ts";
import { fallbackTag } from "../../src/spec/referrer.ts";
import { image, index, json, pushBlob, pushImage, sourceOf, toArray } from "../support/content.ts";
import {
  becomes,
  depotScene,
  digestAt,
  eventually,
  LOOKED_AGAIN,
  namesIn,
  rewrite,
  tagsOf,
  unnamedIn,
} from "./follow-scene.ts";

describe("an entry of another tool", () => {
  test("whose manifest is not there names nothing, and stays", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const one = await pushImage(store, image("1"), ["v1"]);
    await depot.settle();
    const missing = image("missing").manifest.descriptor;
    await rewrite(
      root,
      (document) =>
        void document.manifests.push({ ...missing, annotations: { [Annotation.RefName]: "dangling" } } as never),
    );
    await sleep(LOOKED_AGAIN);
    assert.deepEqual(await tagsOf(store), ["v1"]);
    await store.update([{ tag: "v2", to: one }]);
    await depot.settle();
    assert.equal((await namesIn(root))["dangling"], missing.digest);
  });

  test("that says whom it refers to is believed where its bytes say nothing", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const one = await pushImage(store, image("1"), ["v1"]);
    const opaque = json({ any: "thing" }, "application/vnd.example.signature+json");
    await pushBlob(store, opaque);
    await depot.settle();
    await rewrite(root, (document) => {
      document.manifests.push({
        ...(opaque.descriptor as unknown as JsonObject),
        artifactType: "application/x.signature",
        annotations: { [Annotation.ReferrerSubject]: one.digest, "org.example.by": "ann" },
      });
    });
    await eventually(async () => {
      const found = await toArray(store.referrers(one));
      assert.deepEqual(
        found.map(({ descriptor }) => descriptor),
        [{ ...opaque.descriptor, artifactType: "application/x.signature", annotations: { "org.example.by": "ann" } }],
      );
    });
  });

  test("that lists referrers under a fallback tag is no tag, and its list is merged with ours", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const one = await pushImage(store, image("1"), ["v1"]);
    const ours = await pushImage(store, image("ours", { subject: one, artifactType: "application/x.ours" }));
    await depot.settle();
    const theirs = image("theirs", { subject: one, artifactType: "application/x.theirs" });
    for (const each of [...theirs.blobs, theirs.manifest]) await pushBlob(store, each);
    const list = index([theirs.manifest.descriptor]);
    await pushBlob(store, list);
    await rewrite(root, (document) => {
      const tag = fallbackTag(one.digest);
      document.manifests = document.manifests.filter(
        (entry) => (entry["annotations"] as JsonObject)?.[Annotation.RefName] !== tag,
      );
      document.manifests.push({
        ...(list.descriptor as unknown as JsonObject),
        annotations: { [Annotation.RefName]: tag },
      });
    });
    await eventually(async () => {
      const found = await toArray(store.referrers(one));
      assert.deepEqual(found.map(({ descriptor }) => descriptor.artifactType).toSorted(), [
        "application/x.ours",
        "application/x.theirs",
      ]);
    });
    assert.deepEqual(await tagsOf(store), ["v1"]);
    await depot.settle();
    await using layout = await openLayout(join(root, "a"));
    const digest = (await namesIn(root))[fallbackTag(one.digest)];
    const text = await readFile(join(root, "a", "blobs", "sha256", digest?.slice(7) ?? ""), "utf8");
    const listed = (JSON.parse(text) as { manifests: { digest: string }[] }).manifests.map((each) => each.digest);
    assert.deepEqual(listed.toSorted(), [ours.digest, theirs.manifest.descriptor.digest].toSorted());
    assert.equal((await toArray(layout.referrers(one))).length, 2);
  });

  test("with a full reference, or named twice, is found as in a layout", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const [one, two] = [await pushImage(store, image("1")), await pushImage(store, image("2"))];
    await depot.settle();
    await rewrite(root, (document) => {
      const named = (descriptor: object, name: string): JsonObject => ({
        ...descriptor,
        annotations: { [Annotation.RefName]: name },
      });
      document.manifests = [
        named(one, "exact"),
        named(two, "docker.io/library/x:exact"),
        named(one, "twice"),
        named(two, "twice"),
        named(one, "docker.io/library/x:full"),
        named(two, "ghcr.io/y/z:full"),
      ];
    });
    await using layout = await openLayout(join(root, "a"));
    for (const tag of ["exact", "twice", "full"]) await becomes(store, tag, await digestAt(layout, tag));
    const three = await pushImage(store, image("3"), ["exact", "twice", "full"]);
    await depot.settle();
    for (const tag of ["exact", "twice", "full"]) assert.equal(await digestAt(layout, tag), three.digest, tag);
    const names = await namesIn(root);
    assert.equal(names["docker.io/library/x:full"], one.digest);
    assert.equal(names["ghcr.io/y/z:full"], two.digest);
    assert.equal(names["docker.io/library/x:exact"], two.digest);
  });

  test("that was deleted here a moment ago does not come back", async (t) => {
    const { depot, root } = await depotScene(t);
    const store = await depot.repository("a");
    const loose = await pushImage(store, image("loose"));
    await pushImage(store, image("1"), ["v1"]);
    await depot.settle();
    await store.delete?.(loose, { kind: "manifest" });
    // The bytes alone are back, as a blob; index.json still lists it, and others have written to it.
    await store.push(loose, sourceOf(image("loose").manifest.bytes), { kind: "blob" });
    await rewrite(root, (document) => void Object.assign(document, { x: 1 }));
    await depot.settle();
    assert.ok(!(await unnamedIn(root)).includes(loose.digest));
    await assert.rejects(store.resolve({ digest: loose.digest }), (error) => isOciError(error, "MANIFEST_UNKNOWN"));
  });
});
