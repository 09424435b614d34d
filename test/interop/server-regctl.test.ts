import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestAt, referrerTypes, seedImage, tagsOf, withClient } from "./client.ts";

const REGCTL = {
  name: "regctl",
  program: "regctl",
  version: { args: ["version"], pattern: /VCSTag:\s+v?(\S+)/ },
  install: "go install github.com/regclient/regclient/cmd/regctl@v0.11.5",
};
const REPORT = "application/vnd.report";

withClient(REGCTL, async ({ host, folder, run, operation }) => {
  const digest = await seedImage(host, "reg/app", "v1");
  const app = `${host}/reg/app`;
  const lines = (text: string) => text.split("\n").filter(Boolean);
  await run("registry", "set", host, "--tls", "disabled");

  await operation("pull", "image copy, image export, manifest get", async () => {
    await run("image", "copy", `${app}:v1`, `ocidir://${join(folder, "dir")}:v1`);
    await run("image", "export", `${app}:v1`, "app.tar");
    assert.match(await run("manifest", "get", "--format", "raw-body", `${app}:v1`), /"schemaVersion":2/);
  });
  await operation("push", "image copy, image import, image mod, index create", async () => {
    await run("image", "copy", `ocidir://${join(folder, "dir")}:v1`, `${host}/reg/back:v1`);
    await run("image", "import", `${host}/reg/imported:v1`, "app.tar");
    await run("index", "create", "--ref", `${app}:v1`, `${app}:index`);
    await run("image", "mod", `${app}:v1`, "--annotation", "a=b", "--create", "annotated");
    for (const repository of ["reg/back", "reg/imported"]) assert.equal(await digestAt(host, repository, "v1"), digest);
    for (const tag of ["index", "annotated"]) assert.notEqual(await digestAt(host, "reg/app", tag), null, tag);
    await run("image", "mod", `${app}:v1`, "--digest-algo", "sha512", "--create", `${host}/reg/long:v1`);
    assert.match((await digestAt(host, "reg/long", "v1")) ?? "", /^sha512:/);
  });
  await operation("attach", "artifact put --subject", async () => {
    await writeFile(join(folder, "report.txt"), "a report");
    await run("artifact", "put", "--artifact-type", REPORT, "--file", "report.txt", "--subject", `${app}:v1`);
    assert.deepEqual(await referrerTypes(host, "reg/app", digest), [REPORT]);
  });
  await operation("discover", "artifact list, artifact tree, artifact get --subject", async () => {
    assert.ok((await run("artifact", "list", `${app}:v1`)).includes(REPORT));
    assert.ok((await run("artifact", "tree", `${app}:v1`)).includes(REPORT));
    const got = await run("artifact", "get", "--subject", `${app}:v1`, "--filter-artifact-type", REPORT);
    assert.equal(got, "a report");
  });
  await operation("copy", "image copy --referrers", async () => {
    await run("image", "copy", "--referrers", `${app}:v1`, `${host}/reg/whole:v1`);
    assert.deepEqual(await referrerTypes(host, "reg/whole", digest), [REPORT]);
  });
  await operation("list", "tag ls, repo ls", async () => {
    assert.deepEqual(lines(await run("tag", "ls", app)), ["annotated", "index", "v1"]);
    const names = ["app", "back", "imported", "long", "whole"].map((name) => `reg/${name}`);
    assert.deepEqual(lines(await run("repo", "ls", host)), names);
  });
  await operation("delete", "tag rm, manifest delete, blob delete", async () => {
    await run("tag", "rm", `${host}/reg/whole:v1`);
    assert.deepEqual(await tagsOf(host, "reg/whole"), []);
    assert.equal(await digestAt(host, "reg/whole", digest), digest);
    await run("manifest", "delete", `${host}/reg/back@${digest}`);
    assert.equal(await digestAt(host, "reg/back", digest), null);
    const { layers } = JSON.parse(await run("manifest", "get", "--format", "raw-body", `${app}:v1`));
    await run("blob", "delete", `${host}/reg/back`, layers[0].digest);
  });
});
