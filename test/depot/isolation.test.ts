import assert from "node:assert/strict";
import { chmod, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openDepot } from "../../src/depot/open-depot.ts";
import { algorithmOf, encodedOf } from "../../src/spec/digest.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { serve } from "../../src/server/serve.ts";
import { failsWith } from "../contract/context.ts";
import { blob, image, pushBlob, pushImage, readAll, sourceOf } from "../support/content.ts";
import { temporaryRoot } from "./scene.ts";

function fileOf(root: string, repository: string, { digest }: Descriptor): string {
  return join(root, repository, "blobs", algorithmOf(digest), encodedOf(digest));
}

describe("a blob is readable where it was pushed or mounted", () => {
  test("and nowhere else, whatever else is pushed", async (t) => {
    await using depot = await openDepot(await temporaryRoot(t));
    const [a, b] = [await depot.repository("a"), await depot.repository("b")];
    const part = blob("only in a");
    await pushBlob(a, part);
    await pushImage(b, image("b"), ["v1"]);
    await depot.settle();
    assert.equal(await b.exists(part.descriptor, { kind: "blob" }), false);
    await failsWith(b.resolve({ digest: part.descriptor.digest }, { kind: "blob" }), "BLOB_UNKNOWN");
    await failsWith(readAll(b.fetch(part.descriptor, { kind: "blob" })), "BLOB_UNKNOWN");
    assert.equal(await b.mount?.(part.descriptor, a.location), "mounted");
    assert.deepEqual(await readAll(b.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
  });

  test("a manifest of one repository is none of another that has the same bytes as a blob", async (t) => {
    await using depot = await openDepot(await temporaryRoot(t));
    const [a, b] = [await depot.repository("a"), await depot.repository("b")];
    const parts = image("manifest of a");
    await pushImage(a, parts, ["v1"]);
    await pushBlob(b, parts.manifest);
    await depot.settle();
    assert.equal(await b.exists(parts.manifest.descriptor), false);
    await failsWith(b.resolve({ digest: parts.manifest.descriptor.digest }), "MANIFEST_UNKNOWN");
    await failsWith(b.update([{ tag: "v1", to: parts.manifest.descriptor }]), "MANIFEST_UNKNOWN");
    await failsWith(b.resolve({ tag: "v1" }), "MANIFEST_UNKNOWN");
  });

  test("what is deleted in one stays deleted there while another has it, whoever reads it (CVE-2026-35172)", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const [a, b] = [await depot.repository("a"), await depot.repository("b")];
    const part = blob("shared and then not");
    await pushBlob(a, part);
    await pushBlob(b, part);
    await depot.settle();
    assert.equal((await stat(fileOf(root, "b", part.descriptor))).nlink, 2);
    const server = await serve({ registry: depot });
    t.after(() => server.close(0));
    const urlOf = (repository: string): string => `${server.url}/v2/${repository}/blobs/${part.descriptor.digest}`;
    assert.equal((await fetch(urlOf("a"), { method: "DELETE" })).status, 202);
    for (let round = 0; round < 3; round += 1) {
      const read = await fetch(urlOf("b"));
      assert.equal(read.status, 200);
      assert.deepEqual(Buffer.from(await read.arrayBuffer()), Buffer.from(part.bytes));
      assert.equal((await fetch(urlOf("a"))).status, 404);
      assert.equal((await fetch(urlOf("a"), { method: "HEAD" })).status, 404);
      await depot.settle();
    }
    await assert.rejects(stat(fileOf(root, "a", part.descriptor)), { code: "ENOENT" });
    assert.equal((await stat(fileOf(root, "b", part.descriptor))).nlink, 1);
  });

  test("a mount is a link where nobody can write to the file, else a copy that was checked", async (t) => {
    const root = await temporaryRoot(t);
    await using depot = await openDepot(root);
    const [a, b] = [await depot.repository("a"), await depot.repository("b")];
    const [linked, writable, damaged] = [blob("linked"), blob("writable"), blob("damaged")];
    for (const part of [linked, writable, damaged]) await pushBlob(a, part);
    for (const part of [writable, damaged]) await chmod(fileOf(root, "a", part.descriptor), 0o644);
    const handle = await open(fileOf(root, "a", damaged.descriptor), "r+");
    await handle.write("DAMAGED", 0);
    await handle.close();
    const inode = async (repository: string, descriptor: Descriptor): Promise<number> =>
      (await stat(fileOf(root, repository, descriptor))).ino;
    assert.equal(await b.mount?.(linked.descriptor, a.location), "mounted");
    assert.equal(await inode("b", linked.descriptor), await inode("a", linked.descriptor));
    assert.equal(await b.mount?.(writable.descriptor, a.location), "mounted");
    assert.notEqual(await inode("b", writable.descriptor), await inode("a", writable.descriptor));
    assert.ok(b.mount);
    await failsWith(b.mount(damaged.descriptor, a.location), "DIGEST_INVALID");
    assert.equal(await b.exists(damaged.descriptor, { kind: "blob" }), false);
    const absent = blob("nowhere");
    await failsWith(b.mount(absent.descriptor, a.location), "BLOB_UNKNOWN");
    assert.equal(await b.mount(linked.descriptor, { medium: "memory", id: "elsewhere" }), false);
  });

  test("a push of what a neighbour has is read to its end before it counts", async (t) => {
    await using depot = await openDepot(await temporaryRoot(t));
    const [a, b] = [await depot.repository("a"), await depot.repository("b")];
    const part = blob("the true bytes");
    await pushBlob(a, part);
    await depot.settle();
    const lie = b.push(part.descriptor, sourceOf(Buffer.from("the fake bytes")), { kind: "blob" });
    await failsWith(lie, "DIGEST_INVALID");
    assert.equal(await b.exists(part.descriptor, { kind: "blob" }), false);
  });

  test("a layout beside the root is copied from like any other", async (t) => {
    const [root, outside] = [await temporaryRoot(t), await temporaryRoot(t)];
    const layout = await openLayout(join(outside, "layout"), { create: true });
    await pushImage(layout, image("outside"), ["v1"]);
    await using depot = await openDepot(root);
    const store = await depot.repository("a");
    const [part] = image("outside").blobs;
    assert.ok(part);
    assert.equal(await store.mount?.(part.descriptor, layout.location), "mounted");
    assert.deepEqual(await readAll(store.fetch(part.descriptor, { kind: "blob" })), Buffer.from(part.bytes));
  });
});
