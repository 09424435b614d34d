import assert from "node:assert/strict";
import { join } from "node:path";
import { image } from "../support/content.ts";
import { digestAt, seedImage, tagsOf, withClient } from "./client.ts";

const SKOPEO = {
  name: "skopeo",
  program: "skopeo",
  version: { args: ["--version"], pattern: /version (\S+)/ },
  install: "apt-get install skopeo",
};

withClient(SKOPEO, async ({ host, folder, run, operation }) => {
  const digest = await seedImage(host, "team/app", "v1");
  const copy = (...ends: string[]) =>
    run("--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", ...ends);
  const layout = `oci:${join(folder, "out")}:v1`;

  await operation("pull", "copy, inspect", async () => {
    await copy(`docker://${host}/team/app:v1`, layout);
    const raw = await run("inspect", "--raw", "--tls-verify=false", `docker://${host}/team/app:v1`);
    assert.equal(raw, Buffer.from(image("v1").manifest.bytes).toString());
  });
  await operation("push", "copy", async () => {
    await copy(layout, `docker://${host}/team/back:v2`);
    assert.equal(await digestAt(host, "team/back", "v2"), digest);
    await copy("--format", "v2s2", layout, `docker://${host}/team/docker:v2`);
    assert.notEqual(await digestAt(host, "team/docker", "v2"), null);
  });
  await operation("copy", "copy, sync", async () => {
    await copy(`docker://${host}/team/app:v1`, `docker://${host}/other:v3`);
    assert.equal(await digestAt(host, "other", "v3"), digest);
    const ends = ["--src", "docker", "--dest", "docker", "--src-tls-verify=false", "--dest-tls-verify=false"];
    await run("--insecure-policy", "sync", ...ends, `${host}/team/app`, `${host}/mirror`);
    assert.equal(await digestAt(host, "mirror/app", "v1"), digest);
  });
  await operation("list", "list-tags", async () => {
    const { Tags } = JSON.parse(await run("list-tags", "--tls-verify=false", `docker://${host}/team/back`));
    assert.deepEqual(Tags, ["v2"]);
  });
  await operation("delete", "delete", async () => {
    await run("delete", "--tls-verify=false", `docker://${host}/other:v3`);
    assert.deepEqual(await tagsOf(host, "other"), []);
  });
});
