import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestAt, referrerTypes, tagsOf, withClient } from "./client.ts";

const ORAS = {
  name: "oras",
  program: "oras",
  version: { args: ["version"], pattern: /Version:\s+(\S+)/ },
  install: "go install oras.land/oras/cmd/oras@v1.3.3",
};
const SBOM = "application/vnd.sbom+json";

withClient(ORAS, async ({ host, folder, run, operation }) => {
  const app = `${host}/oras/app`;
  await writeFile(join(folder, "artifact.txt"), "an artifact");
  await writeFile(join(folder, "sbom.json"), '{"sbom":true}');

  await operation("push", "push, blob push, manifest push, manifest index create", async () => {
    await run("push", "--plain-http", `${app}:v1,v2`, "artifact.txt:text/plain");
    await run("push", "--plain-http", "--image-spec", "v1.0", `${app}:old`, "artifact.txt:text/plain");
    assert.match(await run("blob", "push", "--plain-http", app, "sbom.json"), /Digest: sha256:/);
    await run("manifest", "fetch", "--plain-http", "-o", "manifest.json", `${app}:v1`);
    await run("manifest", "push", "--plain-http", `${app}:again`, "manifest.json");
    assert.equal(await digestAt(host, "oras/app", "again"), await digestAt(host, "oras/app", "v1"));
    await run("manifest", "index", "create", "--plain-http", `${app}:index`, "v1");
    assert.notEqual(await digestAt(host, "oras/app", "index"), null);
  });
  await operation("attach", "attach", async () => {
    await run("attach", "--plain-http", "--artifact-type", SBOM, `${app}:v1`, "sbom.json");
    assert.deepEqual(await referrerTypes(host, "oras/app", (await digestAt(host, "oras/app", "v1")) ?? ""), [SBOM]);
  });
  await operation("discover", "discover", async () => {
    assert.ok((await run("discover", "--plain-http", "--format", "json", `${app}:v1`)).includes(SBOM));
  });
  await operation("list", "repo ls, repo tags, resolve", async () => {
    // The API answered, so there is no fallback tag.
    const tags = (await run("repo", "tags", "--plain-http", app)).trim().split("\n");
    assert.deepEqual(tags, ["again", "index", "old", "v1", "v2"]);
    assert.equal((await run("repo", "ls", "--plain-http", host)).trim(), "oras/app");
    assert.equal((await run("resolve", "--plain-http", `${app}:v1`)).trim(), await digestAt(host, "oras/app", "v1"));
  });
  await operation("copy", "cp -r, tag", async () => {
    await run("cp", "-r", "--from-plain-http", "--to-plain-http", `${app}:v1`, `${host}/oras/copy:v1`);
    const digest = await digestAt(host, "oras/copy", "v1");
    assert.equal(digest, await digestAt(host, "oras/app", "v1"));
    assert.deepEqual(await referrerTypes(host, "oras/copy", digest ?? ""), [SBOM]);
    await run("tag", "--plain-http", `${app}:v1`, "v3", "v4");
    assert.deepEqual((await tagsOf(host, "oras/app")).slice(-4), ["v1", "v2", "v3", "v4"]);
  });
  await operation("pull", "pull, backup, restore", async () => {
    await run("pull", "--plain-http", "-o", "pulled", `${host}/oras/copy:v1`);
    assert.equal(await readFile(join(folder, "pulled", "artifact.txt"), "utf8"), "an artifact");
    await run("backup", "--plain-http", "--include-referrers", "-o", "saved", `${app}:v1`);
    await run("restore", "--plain-http", "--input", "saved", `${host}/oras/restored:v1`);
    assert.deepEqual(await referrerTypes(host, "oras/restored", (await digestAt(host, "oras/app", "v1")) ?? ""), [
      SBOM,
    ]);
  });
  await operation("delete", "manifest delete, blob delete", async () => {
    const digest = await digestAt(host, "oras/copy", "v1");
    await run("manifest", "delete", "--plain-http", "-f", `${host}/oras/copy@${digest}`);
    assert.deepEqual(await tagsOf(host, "oras/copy"), []);
    const { layers } = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
    await run("blob", "delete", "--plain-http", "-f", `${host}/oras/copy@${layers[0].digest}`);
  });
});
