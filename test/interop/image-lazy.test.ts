import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { servedRegistry } from "../content/served.ts";
import { missing } from "../support/docker-registry.ts";

test(
  "skopeo: a zstd:chunked layer is listed and read by its table, from a layout and from a registry",
  { skip: missing("skopeo", "apt-get install skopeo") },
  async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await mkdir(join(cwd, "root/etc"), { recursive: true });
    await writeFile(join(cwd, "root/etc/release"), "1\n");
    await writeFile(join(cwd, "root/big"), randomBytes(1_000_000));
    const run = async (...args: readonly string[]): Promise<string> => {
      const { code, out, err } = await inside(args, { cwd });
      assert.equal(code, 0, err);
      return out;
    };
    await run("image", "create", "ocidir://plain:v1", "--layer", "./root:/", "--platform", "linux/amd64");
    const copied = spawnSync(
      "skopeo",
      ["--insecure-policy", "copy", "--dest-compress-format", "zstd:chunked", "oci:plain:v1", "oci:chunked:v1"],
      { cwd, encoding: "utf8" },
    );
    assert.equal(copied.status, 0, copied.stderr);
    await using served = await servedRegistry();
    await run("copy", "ocidir://chunked:v1", `${served.host}/app:v1`);
    for (const source of ["ocidir://chunked:v1", `${served.host}/app:v1`]) {
      const manifest = await run("manifest", "get", source);
      assert.match(manifest, /zstd-chunked\.manifest-position/);
      const read = ["image", "ls", source, "--format", "files"];
      assert.deepEqual(JSON.parse(await run(...read, "--lazy")), JSON.parse(await run(...read)));
      assert.equal(await run("image", "cat", source, "/etc/release", "--lazy"), "1\n");
      assert.equal(
        await run("image", "cat", source, "/big", "--lazy"),
        (await readFile(join(cwd, "root/big"))).toString("utf8"),
      );
    }
    // Its table is that of the old bytes.
    await run("image", "mod", "ocidir://chunked:v1", "--create", "ocidir://gzip:v1", "--layer-compress", "gzip");
    assert.doesNotMatch(await run("manifest", "get", "ocidir://gzip:v1"), /zstd-chunked/);
  },
);
