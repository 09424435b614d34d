import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { berth } from "./berth.ts";
import { imageLayout, workFolder } from "./fixture.ts";

/** A line that cannot work, its exit code, and what is said and advised. */
const lines: readonly (readonly [line: string, exit: number, says: RegExp])[] = [
  ["digest ocidir://a@sha256:123", 2, /Invalid digest "sha256:123".*\nhint: A digest is sha256: with 64/],
  ["digest ocidir://nix:v1", 3, /the directory does not exist\nhint: Check the path/],
  ["digest ./empty:v1", 3, /no oci-layout file\nhint: Check the path/],
  ["image create ./new:v1 --base ocidir://nix:v1", 3, /the directory does not exist\nhint: Check the path/],
  ["layout fsck file", 2, /Expected a directory.*, got a file\nhint: Check the path/],
  ["layout init file", 2, /Cannot make a layout at ".*file": it is a file\nhint: Check the path/],
  ["layout init file/below", 2, /Cannot make a layout at ".*below": ".*file" is a file\nhint: Check the path/],
  ["copy ./a:v1 ./file/below/deep:v1", 2, /Cannot make a layout at .*: ".*file" is a file/],
  ["copy ./a:v1 ocidir://file:v1", 2, /Cannot make a layout at .*: it is a file/],
  ["push ./b:v1 file ./file", 2, /Cannot push two files titled "file"\nhint: .*rename/],
  ["push ./b:v1 dir dir/../dir/x", 2, /Cannot push "dir\/x" below the file titled "dir"\nhint: .*rename/],
  ["push ./b:v1 back\\slash", 2, /Cannot push a file titled "back.*": it has a backslash\nhint: Rename/],
  ["tag add oci-archive:-:v1 v2", 1, /Standard input cannot be changed\nhint: .*berth copy/],
  ["copy ./a:v1 docker-archive:file:app:v1", 1, /There is a file at "file" already\nhint: .*another name/],
  ["digest oci-archive:new.tar", 3, /There is no archive at "new.tar"/],
  ["image creat ./a", 2, /Unknown command 'creat'\nhint: .*See: berth image --help/],
  ["manifest put ./b:v1 file", 5, /Invalid manifest.*\nhint: .*berth push/],
  ["manifest put ./b:v1 half.json", 5, /Invalid manifest.*\nhint: .*berth push/],
  ["attach ./a:v1 --artifact-type a/b", 2, /expected a file or an annotation/],
];

describe("what cannot work says why and what would", () => {
  let cwd = "";
  const owned = new AsyncDisposableStack();
  after(() => owned.disposeAsync());
  before(async () => {
    cwd = owned.use(await workFolder()).path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    for (const name of ["empty", "dir"]) await mkdir(join(cwd, name));
    for (const name of ["file", "dir/x", "back\\slash"]) await writeFile(join(cwd, name), "content");
    await writeFile(join(cwd, "half.json"), '{"schemaVersion":2,"manifests":[],"layers":[]}');
  });

  for (const [line, exit, says] of lines) {
    test(`berth ${line}`, async () => {
      const { code, out, err } = await berth(line.split(" "), { cwd });
      assert.match(err, says);
      assert.deepEqual([code, out], [exit, ""]);
    });
  }
});

test("a copy says which tags it wrote, also when nothing had to be sent", async () => {
  await using folder = await workFolder();
  const cwd = folder.path;
  await imageLayout(join(cwd, "a"), ["v1"]);
  const first = await berth(["copy", "./a:v1", "./b:v1"], { cwd });
  assert.match(first.out, /3 copied.*; wrote the tag v1\n$/);
  const moved = await berth(["copy", "./a:v1", "./b:v2"], { cwd });
  assert.match(moved.out, /0 copied.*; wrote the tag v2\n$/);
  assert.match((await berth(["copy", "./a:v1", "./b:v2"], { cwd })).out, /Nothing to copy/);
  const all = await berth(["copy", "./b", "./c", "--all-tags"], { cwd });
  assert.match(all.out, /; wrote the tags v1, v2\n$/);
});

test("fsck counts what it found by weight, and calls nothing an orphan when it cannot read the index", async () => {
  await using folder = await workFolder();
  const cwd = folder.path;
  await imageLayout(join(cwd, "a"), ["v1"]);
  assert.match((await berth(["layout", "fsck", "a"], { cwd })).out, /^clean: 3 blobs/);
  for (const name of ["1", "2"]) await berth(["blob", "put", "./a", "-"], { cwd, input: name });
  const noted = await berth(["layout", "fsck", "a"], { cwd });
  assert.match(noted.out, /^clean, 2 notes: 5 blobs/m);
  await writeFile(join(cwd, "a/index.json"), "{broken");
  const broken = await berth(["layout", "fsck", "a"], { cwd });
  assert.equal(broken.code, 1);
  assert.match(broken.out, /^not clean, 1 error: 5 blobs .*, 0 manifests, 0 tags$/m);
  assert.doesNotMatch(broken.out, /orphan/);
});

test("an annotation alone can be attached, --depth 0 asks for no referrers, a dry blob rm prints no digest twice", async () => {
  await using folder = await workFolder();
  const cwd = folder.path;
  await imageLayout(join(cwd, "a"), ["v1"]);
  const made = await berth(["attach", "./a:v1", "--artifact-type", "a/b", "-a", "k=v", "-q"], { cwd });
  assert.equal(made.code, 0, made.err);
  const found = await berth(["discover", "./a:v1", "--json"], { cwd });
  const { referrers } = JSON.parse(found.out) as { referrers: readonly { digest: string; annotations: object }[] };
  assert.deepEqual(
    referrers.map(({ digest }) => `${digest}\n`),
    [made.out],
  );
  assert.equal((await berth(["discover", "./a:v1", "--depth", "0"], { cwd })).out.trimEnd().split("\n").length, 1);
  const put = await berth(["blob", "put", "./a", "-"], { cwd, input: "x" });
  const digest = put.out.trim();
  const dry = await berth(["blob", "rm", `./a@${digest}`, "--dry-run"], { cwd });
  assert.equal(dry.out.split(digest).length, 2, dry.out);
});
