import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtemp, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { collect } from "../../src/bytes/collect.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { packTree } from "../../src/tar/pack.ts";
import { readTar } from "../../src/tar/read.ts";
import type { TreeOptions } from "../../src/tar/tree.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "berth-pack-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

function pack(options: TreeOptions): Promise<Uint8Array> {
  return collect(packTree(options), 1 << 28, "test tar");
}

async function names(options: TreeOptions): Promise<string[]> {
  const found: string[] = [];
  for await (const { entry } of readTar(packTree(options)))
    found.push(`${entry.type[0]} ${entry.path} ${entry.mode.toString(8)}`);
  return found;
}

test("a tree is packed below its target, parents first, in byte order, with normal modes", async (t) => {
  const source = await folder(t);
  await mkdir(join(source, "a"), { mode: 0o700 });
  await writeFile(join(source, "a", "x"), "x", { mode: 0o600 });
  await writeFile(join(source, "a-b"), "run", { mode: 0o711 });
  await writeFile(join(source, "B"), "");
  await symlink("../outside", join(source, "ä"));
  assert.deepEqual(await names({ source, target: "/opt/app/" }), [
    "d opt 755",
    "d opt/app 755",
    "f opt/app/B 644",
    "f opt/app/a-b 755",
    "d opt/app/a 755",
    "f opt/app/a/x 644",
    "s opt/app/ä 777",
  ]);
  assert.deepEqual((await names({ source })).slice(0, 2), ["f B 644", "f a-b 755"]);
  assert.deepEqual(await names({ source: join(source, "B"), target: "/bin/tool" }), ["d bin 755", "f bin/tool 644"]);
  assert.deepEqual(await names({ source: join(source, "B"), target: "/bin/" }), ["d bin 755", "f bin/B 644"]);
});

test("equal trees give equal bytes, whatever their times, order of making and links", async (t) => {
  const [one, two] = [await folder(t), await folder(t)];
  await writeFile(join(one, "a"), "same");
  await writeFile(join(one, "b"), "same");
  await link(join(one, "a"), join(one, "c"));
  for (const name of ["c", "b", "a"]) await writeFile(join(two, name), "same");
  await utimes(join(two, "b"), 1, 1);
  const packed = await pack({ source: one });
  assert.equal(digestOf(packed), digestOf(await pack({ source: two })));
  assert.notEqual(digestOf(packed), digestOf(await pack({ source: one, epoch: 5 })));
  // Written down: these bytes are what digests in the world depend on.
  assert.equal(digestOf(packed), "sha256:cd8a103a4a627e3346d031f89aa860c40f19d2d8083467b74d0d16619b6a2573");
});

test("another tar reads what was packed: long names, other scripts, links, times, owners", async (t) => {
  const [source, out] = [await folder(t), await folder(t)];
  const deep = join(source, ...Array.from({ length: 12 }, (_, index) => `folder-with-a-long-name-${index}`));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, "日本語.txt"), "text");
  await writeFile(join(source, "n".repeat(200)), "long");
  await symlink("t".repeat(150), join(source, "link"));
  const archive = join(out, "a.tar");
  await writeFile(archive, await pack({ source, epoch: 1_600_000_000, owner: { uid: 3_000_000, gid: 7 } }));
  await mkdir(join(out, "x"));
  execFileSync("tar", ["-xf", archive, "-C", join(out, "x"), "--no-same-owner"]);
  execFileSync("diff", ["-r", "--no-dereference", source, join(out, "x")]);
  const listing = execFileSync("tar", ["--numeric-owner", "--utc", "-tvf", archive], { encoding: "utf8" });
  assert.match(listing, /3000000\/7 .*2020-09-13/);
});

test("what cannot be packed is refused by name", async (t) => {
  const source = await folder(t);
  execFileSync("mkfifo", [join(source, "pipe")]);
  await assert.rejects(
    pack({ source }),
    (error) => isOciError(error, "FILE_INVALID") && /pipe": it is a fifo/.test(error.message),
  );
  await assert.rejects(pack({ source: join(source, "gone") }), (error) => isOciError(error, "FILE_INVALID"));
  await assert.rejects(pack({ source, target: "/a/../b" }), (error) => isOciError(error, "USAGE"));
});

test("a file that changes while it is packed is an error, not a broken tar", async (t) => {
  const source = await folder(t);
  const file = join(source, "log");
  await writeFile(file, Buffer.alloc(3_000_000));
  for (const size of [10, 4_000_000]) {
    await writeFile(file, Buffer.alloc(3_000_000));
    const reading = async (): Promise<void> => {
      let first = true;
      for await (const _chunk of packTree({ source })) {
        if (first) await truncate(file, size);
        first = false;
      }
    };
    await assert.rejects(
      reading(),
      (error) => isOciError(error, "FILE_INVALID") && /3000000 bytes/.test(error.message),
    );
  }
});

test("a large file takes no memory of its size", async (t) => {
  const source = await folder(t);
  await writeFile(join(source, "big"), "");
  await truncate(join(source, "big"), 400_000_000);
  let size = 0;
  let peak = 0;
  for await (const chunk of packTree({ source })) {
    size += chunk.length;
    peak = Math.max(peak, chunk.length);
  }
  assert.equal(size, 512 + 400_000_000 + ((512 - (400_000_000 % 512)) % 512) + 1024);
  assert.ok(peak <= 1 << 20);
});
