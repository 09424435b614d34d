import assert from "node:assert/strict";
import { cp, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Depot } from "../../src/depot/depot.ts";
import { openDepot } from "../../src/depot/open-depot.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Digest } from "../../src/spec/digest.ts";
import type { Store } from "../../src/store/store.ts";
import { failsWith } from "../contract/context.ts";
import { image, index, pushBlob, pushImage, pushManifest, readAll, toArray } from "../support/content.ts";
import { temporaryRoot } from "./scene.ts";

async function digestAt(depot: Depot, name: string, tag = "v1"): Promise<Digest> {
  return (await (await depot.repository(name)).resolve({ tag })).digest;
}

async function tagsOf(store: Store): Promise<string[]> {
  return (await toArray(store.tags())).map(({ name }) => name);
}

describe("repositories of a depot", () => {
  test("have any name, also one below another and such as a layout's own files", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const names = ["a/b/c", "a", "a/b", "a-b", "blobs", "blobs/sha256", "x/index.json/oci-layout", "index.json"];
    for (const name of names) await pushImage(await depot.repository(name), image(name), ["v1"]);
    for (const name of names) {
      assert.equal(await depot.has(name), true);
      assert.equal(await digestAt(depot, name), image(name).manifest.descriptor.digest);
      assert.deepEqual(await toArray(depot.holders(image(name).manifest.descriptor.digest)), [name]);
    }
    assert.deepEqual(await toArray(depot.repositories()), names.toSorted());
    assert.deepEqual(await toArray(depot.repositories({ prefix: "a" })), ["a", "a-b", "a/b", "a/b/c"]);
    assert.deepEqual(await toArray(depot.repositories({ prefix: "a", after: "a", limit: 2 })), ["a-b", "a/b"]);
    assert.deepEqual(await toArray(depot.repositories({ after: "index" })), ["index.json", "x/index.json/oci-layout"]);
    assert.deepEqual(await toArray(depot.repositories({ prefix: "nothing" })), []);
    assert.deepEqual((await readdir(root)).toSorted(), [".berth", "_blobs", "_index.json", "a", "a-b", "x"]);
  });

  test("are there once something was pushed to them, and not when they were only looked at", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const store = await depot.repository("never/pushed");
    assert.equal(await depot.has("never/pushed"), false);
    assert.deepEqual(await toArray(store.tags()), []);
    await failsWith(store.resolve({ tag: "v1" }), "MANIFEST_UNKNOWN");
    assert.deepEqual(await readdir(root), [".berth"]);
    const [layer] = image("some").blobs;
    assert.ok(layer);
    await pushBlob(store, layer);
    assert.equal(await depot.has("never/pushed"), true);
    assert.deepEqual(await toArray(depot.repositories()), ["never/pushed"]);
    for (const bad of ["", "../etc", ".berth", "A", "a//b", "a/../b"]) {
      assert.equal(await depot.has(bad), false, bad);
      await failsWith(depot.repository(bad), "NAME_INVALID");
    }
  });

  test("are as they were after a restart", async (t) => {
    const root = await temporaryRoot(t);
    const subject = image("subject");
    const referrer = image("sbom", { subject: subject.manifest.descriptor, artifactType: "application/x.sbom" });
    {
      await using depot = await openDepot(root);
      const store = await depot.repository("a");
      await pushImage(store, subject, ["v1", "v2", "gone"]);
      await pushImage(store, referrer);
      await store.update([{ tag: "gone", to: null }]);
      await using upload = await store.stage?.();
      assert.ok(upload);
    }
    await using depot = await openDepot(root);
    const store = await depot.repository("a");
    assert.equal(await depot.has("a"), true);
    assert.deepEqual(await tagsOf(store), ["v1", "v2"]);
    assert.equal(await digestAt(depot, "a"), subject.manifest.descriptor.digest);
    const [found] = await toArray(store.referrers(subject.manifest.descriptor));
    assert.equal(found?.descriptor.digest, referrer.manifest.descriptor.digest);
    assert.equal(found?.via, "api");
  });

  test("never lie beyond a link", async (t) => {
    const [root, outside] = [await temporaryRoot(t), await temporaryRoot(t)];
    await pushImage(await openLayout(join(outside, "there"), { create: true }), image("there"), ["v1"]);
    await symlink(outside, join(root, "linked"));
    await writeFile(join(root, "file"), "");
    await using depot = await openDepot(root);
    assert.deepEqual(await toArray(depot.repositories()), []);
    for (const name of ["linked/there", "linked", "linked/new", "file", "file/new"]) {
      await failsWith(depot.repository(name), "NAME_UNKNOWN");
      await failsWith(depot.has(name), "NAME_UNKNOWN");
    }
    assert.deepEqual(await readdir(outside), ["there"]);
  });

  test("are served by one process, whose lock ends with it", async (t) => {
    const root = await temporaryRoot(t);
    {
      await using _depot = await openDepot(root);
      await assert.rejects(openDepot(root), {
        code: "LOCKED",
        message: `Another process serves ${JSON.stringify(root)} already`,
      });
    }
    await using depot = await openDepot(root);
    assert.equal(await depot.has("a"), false);
    await failsWith(openDepot(join(root, "nowhere")), "NAME_UNKNOWN");
  });
});

describe("layouts that lie below a root already", () => {
  /** A layout with all that a layout may hold, as another tool left it. */
  async function lay(path: string): Promise<void> {
    const store = await openLayout(path, { create: true });
    const [amd, arm, plain] = [image("amd"), image("arm"), image("plain")];
    for (const parts of [amd, arm]) await pushImage(store, parts);
    await pushManifest(store, index([amd.manifest.descriptor, arm.manifest.descriptor]), ["multi"]);
    await pushImage(store, plain, ["plain", "same"]);
    await pushImage(store, image("untagged"));
    await pushImage(store, image("sbom", { subject: plain.manifest.descriptor, artifactType: "application/x.sbom" }));
  }

  async function checkServed(depot: Depot, name: string): Promise<void> {
    assert.equal(await depot.has(name), true);
    const store = await depot.repository(name);
    assert.deepEqual(await tagsOf(store), ["multi", "plain", "same"]);
    for (const seed of ["amd", "arm", "plain", "untagged", "sbom"]) {
      const parts = seed === "sbom" ? undefined : image(seed);
      if (!parts) continue;
      const { descriptor } = parts.manifest;
      assert.deepEqual(await store.resolve({ digest: descriptor.digest }), descriptor, seed);
      assert.equal((await readAll(store.fetch(descriptor))).length, descriptor.size);
    }
    const [found, ...more] = await toArray(store.referrers(image("plain").manifest.descriptor));
    assert.equal(found?.descriptor.artifactType, "application/x.sbom");
    assert.equal(more.length, 0);
    assert.ok((await toArray(depot.holders(image("arm").manifest.descriptor.digest))).includes(name));
  }

  test("are served in place, and go on being layouts", async (t) => {
    const root = await temporaryRoot(t);
    await lay(join(root, "one"));
    await lay(join(root, "deep", "_blobs"));
    await using depot = await openDepot(root);
    assert.deepEqual(await toArray(depot.repositories()), ["deep/blobs", "one"]);
    await checkServed(depot, "one");
    await checkServed(depot, "deep/blobs");
    await pushImage(await depot.repository("one"), image("new"), ["new"]);
    assert.equal(await digestAt(depot, "one", "new"), image("new").manifest.descriptor.digest);
    assert.deepEqual(await tagsOf(await depot.repository("one")), ["multi", "new", "plain", "same"]);
  });

  test("appear when another tool puts them there, also where somebody had looked before", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    assert.equal(await depot.has("late"), false);
    await depot.repository("late");
    await lay(join(root, "late"));
    await lay(join(root, "unasked"));
    await checkServed(depot, "late");
    await checkServed(depot, "unasked");
    assert.deepEqual(await toArray(depot.repositories()), ["late", "unasked"]);
  });

  test("that cannot be read are told of and do not hinder the others", async (t) => {
    const root = await temporaryRoot(t);
    await lay(join(root, "good"));
    await lay(join(root, "bad"));
    await writeFile(join(root, "bad", "index.json"), "{");
    const told: string[] = [];
    await using depot = await openDepot(root, {
      onEvent: (event) => {
        if (event.type === "unreadable") told.push(event.repository);
      },
    });
    assert.deepEqual(told, ["bad"]);
    await checkServed(depot, "good");
    await failsWith(depot.repository("bad"), "LAYOUT_INVALID");
  });
});

describe("a repository that is removed", () => {
  test("is gone with its names and files, and what is below it stays", async (t) => {
    const root = await temporaryRoot(t);
    {
      await using depot = await openDepot(root);
      for (const name of ["a", "a/b", "c/d"]) await pushImage(await depot.repository(name), image("same"), ["v1"]);
      const old = await depot.repository("a");
      await depot.remove("a");
      await depot.remove("c/d");
      await depot.remove("never/there");
      assert.deepEqual(await toArray(depot.repositories()), ["a/b"]);
      assert.equal(await depot.has("a"), false);
      assert.deepEqual(await readdir(join(root, "a")), ["b"]);
      assert.deepEqual((await readdir(root)).toSorted(), [".berth", "a"]);
      await failsWith(old.resolve({ tag: "v1" }), "MANIFEST_UNKNOWN");
      await failsWith(pushImage(old, image("too late"), ["v2"]), "NAME_UNKNOWN");
      assert.deepEqual(await readdir(join(root, ".berth", "trash")), []);
    }
    await using depot = await openDepot(root);
    assert.deepEqual(await toArray(depot.repositories()), ["a/b"]);
    assert.equal(await digestAt(depot, "a/b"), image("same").manifest.descriptor.digest);
  });

  test("can be made again, and holds nothing of what it held", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const parts = image("secret");
    await pushImage(await depot.repository("a"), parts, ["v1"]);
    await Promise.all([depot.remove("a"), depot.has("a"), depot.repository("a")]);
    const store = await depot.repository("a");
    await pushImage(store, image("other"), ["v2"]);
    assert.deepEqual(await tagsOf(store), ["v2"]);
    for (const part of [...parts.blobs, parts.manifest]) {
      assert.equal(await store.exists(part.descriptor, { kind: "blob" }), false);
    }
  });

  test("is removed at the next start where the process died half way, and stays where it had not begun", async (t) => {
    const root = await temporaryRoot(t);
    {
      await using depot = await openDepot(root);
      for (const name of ["half", "whole"]) await pushImage(await depot.repository(name), image("same"), ["v1"]);
      await depot.remove("half");
    }
    // As it is between the catalog's word and the files': the files are there, and a note of what was decided.
    await cp(join(root, "whole"), join(root, "half"), { recursive: true });
    for (const name of ["half", "whole"]) {
      const trash = join(root, ".berth", "trash", name.padEnd(32, "0"));
      await mkdir(trash, { recursive: true });
      await writeFile(join(trash, "repository"), name);
    }
    await using depot = await openDepot(root);
    assert.deepEqual(await toArray(depot.repositories()), ["whole"]);
    assert.equal(await depot.has("half"), false);
    assert.deepEqual((await readdir(root)).toSorted(), [".berth", "whole"]);
    assert.equal(await digestAt(depot, "whole"), image("same").manifest.descriptor.digest);
    assert.deepEqual(await readdir(join(root, ".berth", "trash")), []);
    await rm(join(root, "whole", "oci-layout"));
    await depot.remove("whole");
    assert.deepEqual(await readdir(root), [".berth"]);
  });
});
