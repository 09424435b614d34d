import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestAt, eventually, tagsOf, withClient } from "./client.ts";
import { createImage } from "../../src/image/create.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { amd64 } from "../image/fixture.ts";

const UMOCI = {
  name: "umoci",
  program: "umoci",
  version: { args: ["--version"], pattern: /version (\S+)/ },
  install: "apt-get install umoci",
};

withClient(UMOCI, async ({ host, root, folder, run, operation }) => {
  const layout = join(root, "team/app");
  const image = `${layout}:v1`;
  {
    await using target = await openRemote({ host, repository: "team/app" });
    await createImage({
      target,
      tags: ["v1"],
      platforms: [amd64],
      layers: [{ path: join(import.meta.dirname, "../image"), target: "/app" }],
    });
  }
  await operation("list", "ls, stat", async () => {
    await eventually(async () => (await run("ls", "--layout", layout)).trim() === "v1", "index.json lists the tag");
    assert.match(await run("stat", "--image", image), /LAYER/);
  });
  await operation("pull", "unpack", async () => {
    await run("unpack", "--rootless", "--image", image, join(folder, "bundle"));
    const copied = await readFile(join(folder, "bundle/rootfs/app/fixture.ts"), "utf8");
    assert.equal(copied, await readFile(join(import.meta.dirname, "../image/fixture.ts"), "utf8"));
  });
  await operation("push", "repack, tag", async () => {
    await writeFile(join(folder, "bundle/rootfs/app/new.txt"), "new");
    await run("repack", "--image", `${layout}:v2`, join(folder, "bundle"));
    await run("tag", "--image", image, "again");
    await eventually(
      async () => (await tagsOf(host, "team/app")).join() === "again,v1,v2",
      "the server lists the tags",
    );
    assert.equal(await digestAt(host, "team/app", "again"), await digestAt(host, "team/app", "v1"));
    assert.notEqual(await digestAt(host, "team/app", "v2"), await digestAt(host, "team/app", "v1"));
  });
});
