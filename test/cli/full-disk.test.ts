import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { berth } from "./berth.ts";
import { filesBelow, layoutOf, workFolder } from "./fixture.ts";
import { serve } from "./served.ts";

const MIB = 1024 * 1024;

/** A file system of its own with so many bytes; undefined where this process may not mount one. */
function mountSmall(path: string, size: number): ({ resize(size: number): void } & Disposable) | undefined {
  mkdirSync(path);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]).status !== 0) return undefined;
  return {
    resize: (bytes) => execFileSync("mount", ["-o", `remount,size=${bytes}`, path]),
    [Symbol.dispose]: () => execFileSync("umount", [path]),
  };
}

const SKIP = "cannot mount a tmpfs: run as root on Linux to test a full disk";

describe("a disk that fills up", () => {
  test("ends a copy with exit code 8, no tag, no half blob; with room again the same command completes it", async (t) => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { layer, manifest } = await layoutOf(join(cwd, "a"), 4 * MIB, "v1");
    using disk = mountSmall(join(cwd, "small"), MIB);
    if (!disk) {
      t.skip(SKIP);
      return;
    }
    const full = await berth(["copy", "./a:v1", "./small/b:v1"], { cwd });
    assert.equal(full.code, 8, full.err);
    assert.match(full.err, /^berth: .*(?:space|full).*\nhint: Free some space and run the same command again/i);
    assert.equal(full.out, "");
    const hex = layer.descriptor.digest.slice("sha256:".length);
    assert.ok(!(await filesBelow(join(cwd, "small"))).some((name) => name.endsWith(hex)), "no half layer");
    assert.equal((await berth(["tag", "ls", "./small/b"], { cwd })).out, "");

    disk.resize(16 * MIB);
    const again = await berth(["copy", "./a:v1", "./small/b:v1"], { cwd });
    assert.equal(again.code, 0, again.err);
    assert.equal((await berth(["digest", "./small/b:v1"], { cwd })).out, `${manifest.descriptor.digest}\n`);
    assert.equal((await berth(["layout", "fsck", "small/b"], { cwd })).code, 0);
  });

  test("of a server ends a push with exit code 8 and no second try; reading goes on", async (t) => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await layoutOf(join(cwd, "a"), 40 * MIB, "v1");
    using disk = mountSmall(join(cwd, "small"), MIB);
    if (!disk) {
      t.skip(SKIP);
      return;
    }
    await using server = await serve(["small"], cwd);
    const full = await berth(["copy", "./a:v1", `${server.host}/b:v1`, "--progress", "json"], { cwd });
    assert.equal(full.code, 8, full.err);
    assert.match(full.err, /"code":"NO_SPACE","message":"127\.0\.0\.1:\d+ has no space left: /);
    assert.doesNotMatch(full.err, /"type":"(?:retry|resume)"/);
    assert.equal((await fetch(`http://${server.host}/v2/`)).status, 200);
    disk.resize(64 * MIB);
    const again = await berth(["copy", "./a:v1", `${server.host}/b:v1`], { cwd });
    assert.equal(again.code, 0, again.err);
    assert.equal((await server.stop("SIGTERM")).code, 0);
  });

  test("read-only is served read-only, and says so", async (t) => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await layoutOf(join(cwd, "a"), 1000, "v1");
    using disk = mountSmall(join(cwd, "small"), MIB);
    if (!disk) {
      t.skip(SKIP);
      return;
    }
    assert.equal((await berth(["copy", "./a:v1", "./small/b:v1"], { cwd })).code, 0);
    execFileSync("mount", ["-o", "remount,ro", join(cwd, "small")]);
    await using server = await serve(["small"], cwd);
    const read = await berth(["digest", `${server.host}/b:v1`], { cwd });
    assert.equal(read.out, `${manifest.descriptor.digest}\n`, read.err);
    const pushed = await berth(["copy", "./a:v1", `${server.host}/c:v1`, "--progress", "json"], { cwd });
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.err, /This registry is read-only/);
    assert.doesNotMatch(pushed.err, /"type":"retry"/);
    assert.match((await server.stop("SIGTERM")).err, /small cannot be written here: serving read-only\n/);
  });

  test("ends blob get -o with exit code 8 and no file", async (t) => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { layer } = await layoutOf(join(cwd, "a"), 4 * MIB, "v1");
    using disk = mountSmall(join(cwd, "small"), MIB);
    if (!disk) {
      t.skip(SKIP);
      return;
    }
    const full = await berth(["blob", "get", `./a@${layer.descriptor.digest}`, "-o", "small/out"], { cwd });
    assert.equal(full.code, 8, full.err);
    assert.deepEqual(await filesBelow(join(cwd, "small")), []);
  });
});
