import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { readEdited, readEditable } from "../../src/content/edit-manifest.ts";
import { prepareManifest, writeManifest } from "../../src/content/write-manifest.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside as berth } from "../cli/inside.ts";
import { image, piece, pushImage, pushManifest, toArray } from "../support/content.ts";

test("writing a manifest lists it under its subject, and moves a tag only from where it was expected", async () => {
  await using store = createMemoryStore();
  const first = await pushImage(store, image("a"), ["v1"]);
  const second = await pushImage(store, image("b"), ["v2"]);
  const { manifest } = image("a", { subject: second, artifactType: "application/x.note" });
  const prepared = prepareManifest(manifest.bytes, MediaType.ImageManifest);
  await assert.rejects(writeManifest(store, prepared, { tags: ["v1"], expect: second.digest }), (error) =>
    isOciError(error, "CONFLICT"),
  );
  assert.equal((await store.resolve({ tag: "v1" })).digest, first.digest);
  await writeManifest(store, prepared, { tags: ["v1"], expect: first.digest });
  assert.equal((await store.resolve({ tag: "v1" })).digest, manifest.descriptor.digest);
  const listed = await toArray(store.referrers(second));
  assert.deepEqual(
    listed.map(({ descriptor }) => [descriptor.digest, descriptor.artifactType]),
    [[manifest.descriptor.digest, "application/x.note"]],
  );
});

test("an edited manifest keeps its form: one line stays one line, indented bytes stay what the editor left", async () => {
  await using store = createMemoryStore();
  const { manifest, blobs } = image("a");
  await pushImage(store, { manifest, blobs });
  const compact = await readEditable(store, manifest.descriptor);
  assert.equal(readEdited(compact, compact.text), undefined);
  assert.equal(readEdited(compact, `${compact.text}\n\n`), undefined, "white space is no change");
  const changed = readEdited(compact, compact.text.replace('"layers"', '"annotations": { "a": "b" }, "layers"'));
  assert.ok(!Buffer.from(changed?.bytes ?? []).includes("\n"));
  const tabs = `${JSON.stringify(JSON.parse(Buffer.from(manifest.bytes).toString()), undefined, "\t")}\n`;
  const indented = piece(tabs, MediaType.ImageManifest);
  await pushManifest(store, indented);
  const editable = await readEditable(store, indented.descriptor);
  assert.equal(editable.text, tabs);
  const text = tabs.replace('"layers"', '"annotations": {"a":"b"},\n"layers"');
  assert.equal(Buffer.from(readEdited(editable, text)?.bytes ?? []).toString(), text);
  for (const wrong of ["{", "[]", '{"schemaVersion":2}', '{"schemaVersion":2,"mediaType":"application/x"}']) {
    assert.throws(
      () => readEdited(editable, wrong),
      (error) => isOciError(error, "MANIFEST_INVALID"),
      wrong,
    );
  }
});

describe("manifest", () => {
  test("edit moves the tag only if it is still what was read, and keeps what is not valid", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const edit = (EDITOR: string, ...more: string[]) =>
      berth(["manifest", "edit", "./a:v1", ...more], { cwd, env: { EDITOR } });
    const note = `sed -i 's/"layers"/"annotations":{"a":"b"},"layers"/'`;
    assert.match((await edit(note, "--dry-run")).out, /^Would write sha256:/);
    const unchanged = await edit("true");
    assert.equal(unchanged.out, `${manifest.descriptor.digest}\n`);
    const beside = await edit(note, "--tag", "v2", "--json");
    assert.deepEqual(JSON.parse(beside.out).tags, ["v2"]);
    assert.equal((await berth(["digest", "./a:v1"], { cwd })).out, unchanged.out);
    const edited = await edit(note);
    assert.equal(edited.code, 0, edited.err);
    assert.equal((await berth(["digest", "./a:v1"], { cwd })).out, edited.out);
    const got = await berth(["manifest", "get", "./a:v1", "--format", "content.annotations.a"], { cwd });
    assert.equal(got.out, "b\n");

    const wrong = await edit("sed -i s/schemaVersion/version/");
    assert.equal(wrong.code, 5);
    const kept = /What you wrote is in (\S+)/.exec(wrong.err)?.[1] ?? "";
    assert.match(await readFile(kept, "utf8"), /"version": 2/);
    await rm(dirname(kept), { recursive: true });
    assert.equal((await edit("false")).code, 2);
    assert.equal((await berth(["digest", "./a:v1"], { cwd })).out, edited.out);

    // Somebody else moves the tag while the editor is open.
    await using store = await openLayout(join(cwd, "a"));
    const other = await pushImage(store, image("other"));
    const index = await readFile(join(cwd, "a/index.json"), "utf8");
    await writeFile(join(cwd, "moved.json"), index.replaceAll(edited.out.trim(), other.digest));
    const raced = await edit(`cp moved.json a/index.json; sed -i 's/"a": "b"/"a": "c"/'`);
    assert.equal(raced.code, 6, raced.err);
    assert.equal((await berth(["digest", "./a:v1"], { cwd })).out, `${other.digest}\n`);
  });

  test("diff shows what differs, and nothing where both say the same", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    await imageLayout(join(cwd, "b"), ["v1"]);
    const same = await berth(["manifest", "diff", "./a:v1", "./a:v1", "--json"], { cwd });
    assert.equal(JSON.parse(same.out).same, true);
    assert.equal((await berth(["manifest", "diff", "./a:v1", "./a:v1"], { cwd })).out, "");
    const differs = await berth(["manifest", "diff", "./a:v1", "./b:v1", "--context", "0"], { cwd });
    assert.match(differs.out, /^--- ocidir:\/\/\.\/a:v1\n\+\+\+ ocidir:\/\/\.\/b:v1\n@@ /);
    const changed = differs.out.split("\n").slice(2);
    assert.ok(
      changed.every((line) => /^(?:@@|[-+] |$)/.test(line)),
      differs.out,
    );
  });

  test("get --config and --raw are exact bytes; rm takes a tag only when told so", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest, blobs } = await imageLayout(join(cwd, "a"), ["v1", "v2"]);
    const config = await berth(["manifest", "get", "./a:v1", "--config"], { cwd });
    assert.equal(config.out, Buffer.from(blobs[0]?.bytes ?? []).toString());
    const raw = await berth(["manifest", "get", "./a:v1", "--raw"], { cwd });
    assert.equal(raw.out, Buffer.from(manifest.bytes).toString());
    assert.equal((await berth(["manifest", "get", "./a:v1", "--raw", "--json"], { cwd })).code, 2);
    assert.equal((await berth(["manifest", "rm", "./a:v1"], { cwd })).code, 2);
    const removed = await berth(["manifest", "rm", "./a:v1", "--force-tag-dereference"], { cwd });
    assert.equal(removed.out, `${manifest.descriptor.digest}\n`);
    assert.equal((await berth(["tag", "ls", "./a"], { cwd })).out, "");
    const again = ["manifest", "rm", `./a@${manifest.descriptor.digest}`];
    assert.equal((await berth(again, { cwd })).code, 3);
    assert.equal((await berth([...again, "--ignore-missing"], { cwd })).code, 0);
    assert.equal((await berth(["tag", "rm", "./a:v1", "--ignore-missing"], { cwd })).code, 0);
  });
});
