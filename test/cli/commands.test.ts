import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { berth } from "./berth.ts";
import { filesBelow, imageLayout, workFolder } from "./fixture.ts";

describe("manifest", () => {
  test("get gives the bytes of the digest, to stdout and to a file; put gives them back", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const { digest } = manifest.descriptor;
    const got = await berth(["manifest", "get", "./a:v1"], { cwd });
    assert.deepEqual(got.stdout, Buffer.from(manifest.bytes));
    const saved = await berth(["manifest", "get", `./a@${digest}`, "-o", "m.json"], { cwd });
    assert.equal(saved.out, `${digest}\n`);
    assert.deepEqual(await readFile(join(cwd, "m.json")), Buffer.from(manifest.bytes));
    const put = await berth(["manifest", "put", "./a:v2", "-", "--json"], { cwd, input: got.stdout });
    assert.equal(put.code, 0, put.err);
    assert.deepEqual(JSON.parse(put.out), { ...manifest.descriptor, tags: ["v2"], existed: true });
    const wrong = await berth(["manifest", "put", `./a@sha256:${"0".repeat(64)}`, "m.json"], { cwd });
    assert.equal(wrong.code, 5);
    assert.match(wrong.err, new RegExp(`Expected a manifest with sha256:0{64}, got ${digest}`));
  });

  test("put refuses what is no manifest and what names a missing blob, and leaves nothing", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    for (const input of ["not json", '{"a":1}', '{"schemaVersion":2,"manifests":[],"layers":[]}', manifest.bytes]) {
      const { code, out } = await berth(["manifest", "put", "./new:v1", "-"], { cwd, input });
      assert.ok(code === 5 || code === 3, `${code}`);
      assert.equal(out, "");
    }
    assert.deepEqual((await berth(["tag", "ls", "./new"], { cwd })).out, "");
  });

  test("put warns of an index whose children are elsewhere, and stores it", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const index = JSON.stringify({ schemaVersion: 2, manifests: [manifest.descriptor] });
    const elsewhere = await berth(["manifest", "put", "./new:v1", "-"], { cwd, input: index });
    assert.equal(elsewhere.code, 0);
    assert.match(elsewhere.err, /warning: 1 of the 1 manifests that the index names/);
    const here = await berth(["manifest", "put", "./a:v2", "-"], { cwd, input: index });
    assert.equal(here.err, "");
  });

  test("head, get --json and digest agree; a missing tag is exit code 3", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const head = await berth(["manifest", "head", "./a", "--json"], { cwd });
    assert.deepEqual(JSON.parse(head.out), manifest.descriptor);
    const got = await berth(["manifest", "get", "./a", "--json"], { cwd });
    const content: unknown = JSON.parse(Buffer.from(manifest.bytes).toString());
    assert.deepEqual(JSON.parse(got.out), { ...manifest.descriptor, content });
    assert.equal((await berth(["digest", "ocidir://a:v1"], { cwd })).out, `${manifest.descriptor.digest}\n`);
    const missing = await berth(["digest", "./a:v9"], { cwd });
    assert.deepEqual([missing.code, missing.out], [3, ""]);
    assert.match(missing.err, /^berth: No tag "v9" in .*\nhint: /);
    const noLayout = await berth(["digest", "./nowhere:v1"], { cwd });
    assert.equal(noLayout.code, 3);
    assert.match(noLayout.err, /There is no layout at .*nowhere.*\nhint: Check the path/s);
  });

  test("rm wants a digest, shows with --dry-run which tags go, and takes them along", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1", "v2"]);
    const { digest } = manifest.descriptor;
    const byTag = await berth(["manifest", "rm", "./a:v1"], { cwd });
    assert.equal(byTag.code, 2);
    const dry = await berth(["manifest", "rm", `./a@${digest}`, "--dry-run"], { cwd });
    assert.match(dry.out, /Would remove sha256:.*with its tags v1, v2/);
    assert.equal((await berth(["tag", "ls", "./a"], { cwd })).out, "v1\nv2\n");
    assert.equal((await berth(["manifest", "rm", `./a@${digest}`], { cwd })).code, 0);
    assert.equal((await berth(["tag", "ls", "./a"], { cwd })).out, "");
    assert.equal((await berth(["manifest", "rm", `./a@${digest}`], { cwd })).code, 3);
  });
});

describe("blob", () => {
  test("put from a file and from standard input, head, get, rm", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await writeFile(join(cwd, "f"), "content");
    const put = await berth(["blob", "put", "./a", "f"], { cwd });
    const digest = put.out.trim();
    assert.match(digest, /^sha256:[0-9a-f]{64}$/);
    assert.equal((await berth(["blob", "put", "./a", "-"], { cwd, input: "content" })).out, put.out);
    const head = await berth(["blob", "head", `./a@${digest}`, "--json"], { cwd });
    assert.deepEqual(JSON.parse(head.out), { digest, size: 7 });
    assert.equal((await berth(["blob", "get", `./a@${digest}`], { cwd })).out, "content");
    assert.equal((await berth(["blob", "rm", `./a@${digest}`, "--dry-run"], { cwd })).code, 0);
    assert.equal((await berth(["blob", "rm", `./a@${digest}`], { cwd })).code, 0);
    assert.equal((await berth(["blob", "get", `./a@${digest}`], { cwd })).code, 3);
  });

  test("put with a digest takes exactly that, by any algorithm we compute, and leaves nothing otherwise", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const empty512 =
      "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
    assert.equal((await berth(["blob", "put", `./a@${empty512}`, "-"], { cwd })).out, `${empty512}\n`);
    const before = await filesBelow(join(cwd, "a"));
    await writeFile(join(cwd, "f"), "other");
    for (const file of ["f", "-"]) {
      const wrong = await berth(["blob", "put", `./a@sha256:${"0".repeat(64)}`, file], { cwd, input: "other" });
      assert.equal(wrong.code, 5);
      assert.match(wrong.err, /Expected content with sha256:0{64}, got sha256:/);
    }
    assert.deepEqual(await filesBelow(join(cwd, "a")), before);
  });

  test("get -o never leaves a part of a damaged blob, nor touches the file that was there", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const digest = (await berth(["blob", "put", "./a", "-"], { cwd, input: "content" })).out.trim();
    const file = join(cwd, "a", "blobs", "sha256", digest.slice("sha256:".length));
    await berth(["blob", "rm", `./a@${digest}`], { cwd });
    await writeFile(file, "damaged");
    await writeFile(join(cwd, "out"), "before");
    const got = await berth(["blob", "get", `./a@${digest}`, "-o", "out"], { cwd });
    assert.equal(got.code, 5);
    assert.match(got.err, /sha256:/);
    assert.equal(await readFile(join(cwd, "out"), "utf8"), "before");
    assert.deepEqual(
      (await filesBelow(cwd)).filter((name) => name.endsWith(".tmp")),
      [],
    );
    const directory = await berth(["blob", "get", `./a@${digest}`, "-o", "a"], { cwd });
    assert.equal(directory.code, 2);
  });
});

describe("tag", () => {
  test("add points many at once, ls pages, rm takes one and only if it is still there", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "a"), ["v1"]);
    const { digest } = manifest.descriptor;
    const sig = `sha256-${"a".repeat(64)}.sig`;
    assert.equal((await berth(["tag", "add", "./a:v1", "v2", "v3", sig, "v3"], { cwd })).out, `${digest}\n`);
    assert.equal((await berth(["tag", "ls", "./a", "--digest-tags"], { cwd })).out, `${sig}\nv1\nv2\nv3\n`);
    assert.equal((await berth(["tag", "ls", "./a", "--limit", "2"], { cwd })).out, "v1\nv2\n");
    assert.deepEqual(JSON.parse((await berth(["tag", "ls", "./a", "--last", "v1", "--json"], { cwd })).out), {
      tags: [
        { name: "v2", digest },
        { name: "v3", digest },
      ],
    });
    const moved = await berth(["tag", "rm", `./a:v2@sha256:${"0".repeat(64)}`], { cwd });
    assert.equal(moved.code, 6, moved.err);
    assert.equal((await berth(["tag", "rm", "./a:v2", "--dry-run"], { cwd })).code, 0);
    assert.equal((await berth(["tag", "rm", `./a:v2@${digest}`], { cwd })).code, 0);
    assert.equal((await berth(["tag", "rm", "./a:v2"], { cwd })).code, 3);
    assert.equal((await berth(["tag", "ls", "./a"], { cwd })).out, "v1\nv3\n");
    assert.equal((await berth(["tag", "rm", "./a"], { cwd })).code, 2);
    const several = await berth(["digest", "./a"], { cwd });
    assert.match(several.err, /There are several tags in ocidir:\/\/\.\/a: say which one\nhint: One of: sha256-/);
  });
});

describe("layout", () => {
  test("init makes a layout once, and never over something else", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const dry = await berth(["layout", "init", "a", "--dry-run", "--json"], { cwd });
    assert.deepEqual(JSON.parse(dry.out), { dryRun: true, path: join(cwd, "a"), created: true });
    assert.deepEqual(await filesBelow(cwd), []);
    assert.match((await berth(["layout", "init", "ocidir://a"], { cwd })).out, /^Made the layout/);
    assert.match((await berth(["layout", "init", "a"], { cwd })).out, /already/);
    await writeFile(join(cwd, "f"), "");
    assert.equal((await berth(["layout", "init", "."], { cwd })).code, 5);
    assert.equal((await berth(["layout", "init", "ocidir://a:v1"], { cwd })).code, 2);
  });

  test("fsck says what is wrong, on stdout and by its exit code", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest, blobs } = await imageLayout(join(cwd, "a"), ["v1"]);
    assert.equal((await berth(["layout", "fsck", "a"], { cwd })).code, 0);
    const [config] = blobs;
    assert.ok(config);
    await berth(["blob", "rm", `./a@${config.descriptor.digest}`], { cwd });
    const { code, out, err } = await berth(["layout", "fsck", "./a", "--json"], { cwd });
    assert.equal(code, 1);
    const report = JSON.parse(out) as { clean: boolean; findings: { code: string; digest?: string }[] };
    assert.equal(report.clean, false);
    assert.ok(
      report.findings.some((finding) => finding.code === "blob-missing"),
      out,
    );
    assert.match(err, /^berth: The layout \.\/a is not clean: 1 error found\nhint: /);
    assert.ok(manifest);
  });
});
