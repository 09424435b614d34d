import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { DirectoryBlobs } from "../../src/blobs/directory.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { encodedOf } from "../../src/spec/digest.ts";
import { failsWith } from "../contract/context.ts";
import { image, pushImage, readAll } from "../support/content.ts";

const parts = image("hostile");
const [layer] = parts.blobs;
assert.ok(layer);

describe("a hostile layout is refused", () => {
  let base: string;
  let root: string;
  let count = 0;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), "berth-hostile-"));
    await writeFile(join(base, "secret"), layer.bytes);
  });
  after(() => rm(base, { recursive: true }));
  beforeEach(async () => {
    root = join(base, `layout-${(count += 1)}`);
    await pushImage(await openLayout(root, { create: true }), parts, ["v1"]);
  });

  const blobPath = (): string => join(root, "blobs/sha256", encodedOf(layer.descriptor.digest));
  const writeIndex = (text: string): Promise<void> => writeFile(join(root, "index.json"), text);
  const resolveTag = async (): Promise<unknown> => (await openLayout(root)).resolve({ tag: "v1" });

  const shapes: readonly [string, () => Promise<unknown>][] = [
    ["a symbolic link to a file outside", () => symlink(join(base, "secret"), blobPath())],
    ["a FIFO", async () => execFileSync("mkfifo", [blobPath()])],
    ["a directory", () => mkdir(blobPath())],
  ];
  for (const [what, make] of shapes) {
    test(`${what} in a blob's place is not read`, async () => {
      await unlink(blobPath());
      await make();
      const store = await openLayout(root);
      await failsWith(readAll(store.fetch(layer.descriptor, { kind: "blob" })), "CONTENT_DAMAGED");
      await failsWith(store.exists(layer.descriptor, { kind: "blob" }), "CONTENT_DAMAGED");
      const target = await openLayout(join(base, `target-${count}`), { create: true });
      await failsWith(Promise.resolve(target.mount?.(layer.descriptor, store.location)), "CONTENT_DAMAGED");
      const report = await fsckLayout(root);
      assert.deepEqual(
        report.findings.map((finding) => finding.code),
        ["not-a-file"],
      );
    });
  }

  test("a linked blobs directory is not followed", async () => {
    await rm(join(root, "blobs"), { recursive: true });
    await mkdir(join(base, `away-${count}`));
    await symlink(join(base, `away-${count}`), join(root, "blobs"));
    const store = await openLayout(root);
    await failsWith(store.exists(layer.descriptor, { kind: "blob" }), "LAYOUT_INVALID");
    await failsWith(pushImage(store, image("more")), "LAYOUT_INVALID");
  });

  for (const own of ["", "uploads", "trash"]) {
    test(`a linked .berth/${own} is not followed, and nothing in there is touched`, async () => {
      const away = join(base, `victim-${count}`);
      const victims = ["precious", "0".repeat(32), `sha256-${"0".repeat(64)}.${"0".repeat(32)}`];
      await mkdir(away);
      for (const name of victims) {
        await writeFile(join(away, name), "mine");
        await utimes(join(away, name), 1, 1);
      }
      await rm(join(root, ".berth", own), { recursive: true, force: true });
      await symlink(away, join(root, ".berth", own).replace(/\/$/, ""));
      const store = await openLayout(root);
      // What does not come by the link still works.
      const deleted = store.delete?.(parts.manifest.descriptor, { kind: "manifest" });
      for (const result of await Promise.allSettled([pushImage(store, image(`more ${own}`)), deleted])) {
        if (result.status === "rejected") assert.ok(isOciError(result.reason, "LAYOUT_INVALID"), String(result.reason));
      }
      await new DirectoryBlobs(root).staging.clean(0);
      assert.deepEqual((await readdir(away)).toSorted(), victims.toSorted());
    });
  }

  const indexes: readonly [string, () => Promise<unknown>][] = [
    ["truncated", async () => truncate(join(root, "index.json"), 40)],
    ["empty", () => writeIndex("")],
    ["an array", () => writeIndex("[]")],
    ["missing", () => unlink(join(root, "index.json"))],
    ["with a duplicate key", () => writeIndex('{"schemaVersion":2,"manifests":[],"manifests":[]}')],
    ["nested 100,000 deep", () => writeIndex("[".repeat(100_000))],
    ["of another version", () => writeIndex('{"schemaVersion":1,"manifests":[]}')],
    [
      "with a digest that leaves the directory",
      () =>
        writeIndex(
          '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","size":1,"digest":"sha256:../../../secret","annotations":{"org.opencontainers.image.ref.name":"v1"}}]}',
        ),
    ],
    [
      "a symbolic link",
      async () => {
        await unlink(join(root, "index.json"));
        await symlink(join(base, "secret"), join(root, "index.json"));
      },
    ],
    [
      "a sparse gigabyte",
      async () => {
        await using file = await open(join(root, "index.json"), "r+");
        await file.truncate(1024 ** 3);
      },
    ],
  ];
  for (const [what, make] of indexes) {
    test(`an index.json ${what} is an error that says so, and stays as it is`, async () => {
      await make();
      await failsWith(resolveTag(), "LAYOUT_INVALID");
      const store = await openLayout(root);
      await failsWith(store.update([{ tag: "v2", to: parts.manifest.descriptor }]), "LAYOUT_INVALID");
      await failsWith(resolveTag(), "LAYOUT_INVALID");
      const report = await fsckLayout(root);
      assert.equal(report.clean, false);
      assert.ok(report.findings.some((finding) => finding.code === "index-invalid"));
    });
  }

  const markers: readonly [string, string][] = [
    ["of another version", '{"imageLayoutVersion":"2.0.0"}'],
    ["without a version", "{}"],
    ["that is no JSON", "oci"],
    ["that is huge", `{"imageLayoutVersion":"1.0.0"}${" ".repeat(10_000)}`],
  ];
  for (const [what, text] of markers) {
    test(`an oci-layout ${what} is an error`, async () => {
      await writeFile(join(root, "oci-layout"), text);
      await failsWith(openLayout(root), "LAYOUT_INVALID");
      await failsWith(openLayout(root, { create: true }), "LAYOUT_INVALID");
    });
  }

  test("no marker, no directory and a file are told apart, and nothing is made of them", async () => {
    await unlink(join(root, "oci-layout"));
    await failsWith(openLayout(root), "NAME_UNKNOWN");
    await failsWith(openLayout(join(base, "absent")), "NAME_UNKNOWN");
    await failsWith(openLayout(join(base, "secret")), "LAYOUT_INVALID");
    await failsWith(openLayout(base, { create: true }), "LAYOUT_INVALID");
  });

  test("of two entries with one name the last wins, and fsck says so", async () => {
    const other = image("other");
    await pushImage(await openLayout(root), other, ["v2"]);
    const text = await readFile(join(root, "index.json"), "utf8");
    await writeIndex(text.replace('"v2"', '"v1"'));
    const store = await openLayout(root);
    assert.equal((await store.resolve({ tag: "v1" })).digest, other.manifest.descriptor.digest);
    const report = await fsckLayout(root);
    assert.deepEqual(
      report.findings.map((finding) => finding.code),
      ["name-duplicate"],
    );
    await store.update([{ tag: "v1", to: parts.manifest.descriptor }]);
    assert.equal((await store.resolve({ tag: "v1" })).digest, parts.manifest.descriptor.digest);
  });

  test("damage is found by fsck, a wrong size also by every reader, and a push repairs it", async () => {
    const flipped = Buffer.from(layer.bytes);
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    await unlink(blobPath());
    await writeFile(blobPath(), flipped);
    assert.deepEqual(
      (await fsckLayout(root)).findings.map((finding) => finding.code),
      ["digest-mismatch"],
    );
    const store = await openLayout(root);
    await failsWith(readAll(store.fetch(layer.descriptor, { kind: "blob" })), "DIGEST_INVALID");
    await truncate(blobPath(), 3);
    await failsWith(readAll(store.fetch(layer.descriptor, { kind: "blob" })), "SIZE_INVALID");
    await pushImage(store, parts, ["v1"]);
    assert.equal((await fsckLayout(root)).clean, true);
  });

  test("what is missing is named by its role", async () => {
    await unlink(blobPath());
    const { clean, findings } = await fsckLayout(root);
    assert.equal(clean, false);
    assert.deepEqual(
      findings.map(({ code, digest }) => [code, digest]),
      [["blob-missing", layer.descriptor.digest]],
    );
  });
});
