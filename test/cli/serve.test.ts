import assert from "node:assert/strict";
import { chown, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { berth } from "./berth.ts";
import { imageLayout, workFolder } from "./fixture.ts";
import { serve } from "./served.ts";

describe("serve", () => {
  test("a layout is the repository of its directory's name, readable and writable in place", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    const { manifest } = await imageLayout(join(cwd, "images"), ["v1"]);
    await using server = await serve(["./images"], cwd);
    assert.match(server.firstLine, /^http:\/\/127\.0\.0\.1:\d+$/);
    const name = `${server.host}/images`;
    assert.equal((await berth(["digest", `${name}:v1`], { cwd })).out, `${manifest.descriptor.digest}\n`);
    const copied = await berth(["copy", `${name}:v1`, "./back:v1"], { cwd });
    assert.equal(copied.code, 0, copied.err);
    const again = await berth(["copy", "./back:v1", `${name}:v1`], { cwd });
    assert.match(again.out, /Nothing to copy/);
    assert.equal((await berth(["tag", "add", `${name}:v1`, "v2"], { cwd })).code, 0);
    assert.equal((await berth(["tag", "ls", "./images"], { cwd })).out, "v1\nv2\n");
    assert.equal((await berth(["tag", "rm", `${name}:v1`], { cwd })).code, 0);
    assert.equal((await berth(["tag", "ls", name], { cwd })).out, "v2\n");
    const other = await berth(["tag", "ls", `${server.host}/other`], { cwd });
    assert.equal(other.code, 3, other.err);
    const stopped = await server.stop("SIGTERM");
    assert.equal(stopped.code, 0, stopped.err);
    assert.equal((await berth(["layout", "fsck", "images"], { cwd })).code, 0);
  });

  test("a folder takes pushes of new repositories, each a layout, and a second copy moves nothing", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    await mkdir(join(cwd, "registry"));
    await using server = await serve(["registry", "--json"], cwd);
    const { url } = JSON.parse(server.firstLine) as { url: string };
    assert.equal(url, `http://${server.host}`);
    const target = `${server.host}/team/app:v1`;
    assert.equal((await berth(["copy", "./a:v1", target], { cwd })).code, 0);
    assert.match((await berth(["copy", "./a:v1", target], { cwd })).out, /Nothing to copy/);
    const put = await berth(["blob", "put", `${server.host}/team/app`, "-"], { cwd, input: "streamed" });
    assert.equal(put.code, 0, put.err);
    const got = await berth(["blob", "get", `${server.host}/team/app@${put.out.trim()}`], { cwd });
    assert.equal(got.out, "streamed");
    const second = await berth(["serve", "registry", "--port", "0"], { cwd });
    assert.equal(second.code, 6);
    assert.match(second.err, /^berth: Another process serves ".*\/registry" already\nhint: .*\n$/);
    assert.equal(second.out, "");
    for (const words of [
      ["serve", "registry/team", "--port", "0"],
      ["depot", "reindex", "registry/team"],
    ]) {
      const part = await berth(words, { cwd });
      assert.equal(part.code, 2);
      assert.match(part.err, /^berth: ".*\/registry\/team" is a part of the registry at ".*\/registry"\nhint: .*\n$/);
    }
    assert.deepEqual(await readdir(join(cwd, "registry/team")), ["app"]);
    await server.stop("SIGINT");
    assert.equal((await berth(["layout", "fsck", "registry/team/app"], { cwd })).code, 0);
    assert.equal((await berth(["tag", "ls", "./registry/team/app"], { cwd })).out, "v1\n");
  });

  test("its last word comes when all is written, after what stopping takes was told", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    await mkdir(join(cwd, "registry"));
    await using server = await serve(["registry"], cwd);
    assert.equal((await berth(["copy", "./a:v1", `${server.host}/app:v1`], { cwd })).code, 0);
    // A directory in the place of the file that takes over keeps index.json from being written.
    await mkdir(join(cwd, "registry/app/.berth/index.json.new/in-the-way"), { recursive: true });
    assert.equal((await berth(["tag", "add", `${server.host}/app:v1`, "v2"], { cwd })).code, 0);
    const { err, code } = await server.stop("SIGTERM");
    assert.equal(code, 0);
    assert.match(err, /\nStopping: .*\n(?:.*\n)*warning: Other tools do not see .*\nStopped\n$/);
  });

  test(
    "root is warned where the folder is another user's",
    { skip: process.geteuid?.() === 0 ? false : "only root can give a folder away" },
    async () => {
      await using folder = await workFolder();
      await mkdir(join(folder.path, "registry"));
      await chown(join(folder.path, "registry"), 4321, 4321);
      await using server = await serve(["registry"], folder.path);
      const { err } = await server.stop("SIGINT");
      assert.match(err, /^warning: registry is kept by the user 4321: what root writes there locks that user out$/m);
    },
  );

  test("an address that others reach, and a short grace, are warned of", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await mkdir(join(cwd, "registry"));
    await using inside = await serve(["registry"], cwd);
    assert.doesNotMatch((await inside.stop("SIGINT")).err, /warning/);
    await using outside = await serve(["registry", "--host", "0.0.0.0", "--no-delete", "--gc-grace", "10s"], cwd);
    const { err } = await outside.stop("SIGINT");
    assert.match(
      err,
      /^warning: Whoever reaches http:\/\/0\.0\.0\.0:\d+ may read and push: there is no authentication yet$/m,
    );
    assert.match(err, /^warning: --gc-grace is short/m);
  });

  test("--read-only refuses writes, --name names, and a wrong path or a taken port is one sentence", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    await using server = await serve(["a", "--read-only", "--name", "some/name"], cwd);
    const name = `${server.host}/some/name:v1`;
    assert.equal((await berth(["digest", name], { cwd })).code, 0);
    const refused = await berth(["tag", "add", name, "v2"], { cwd });
    assert.notEqual(refused.code, 0);
    assert.equal((await berth(["tag", "ls", "./a"], { cwd })).out, "v1\n");
    const port = server.host.split(":")[1] ?? "";
    const taken = await berth(["serve", "a", "--port", port], { cwd });
    assert.equal(taken.code, 6);
    assert.match(taken.err, /^berth: Port \d+ on 127\.0\.0\.1 is taken\nhint: Choose another --port/);
    // The first is an address of documentation (RFC 5737), which no machine has; the second never is a name.
    for (const host of ["192.0.2.1", "nowhere.invalid"]) {
      const wrong = await berth(["serve", "a", "--host", host, "--port", "0"], { cwd });
      assert.equal(wrong.code, 2, wrong.err);
      assert.match(wrong.err, /^berth: (?:This machine has no address|There is no address called) .*\nhint: .*--host/);
    }
    const missing = await berth(["serve", "nowhere"], { cwd });
    assert.equal(missing.code, 3);
    const unnamed = await berth(["serve", ".", "--name", "x", "--port", "0"], { cwd });
    assert.equal(unnamed.code, 2);
    const badName = await berth(["serve", "a", "--name", "UPPER", "--port", "0"], { cwd });
    assert.equal(badName.code, 2);
  });
});
