import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestAt, tagsOf, withClient } from "./client.ts";

const HELM = {
  name: "helm",
  program: "helm",
  version: { args: ["version"], pattern: /Version:"v?([^"]+)"/ },
  install: "go install helm.sh/helm/v3/cmd/helm@v3.19.2",
};

withClient(HELM, async ({ host, folder, run, operation }) => {
  const chart = `oci://${host}/charts/app`;
  await run("create", "app");

  await operation("push", "push", async () => {
    for (const version of ["0.1.0", "0.2.0+build.1"]) {
      await run("package", "--version", version, "app");
      await run("push", "--plain-http", `app-${version}.tgz`, `oci://${host}/charts`);
    }
    assert.deepEqual(await tagsOf(host, "charts/app"), ["0.1.0", "0.2.0_build.1"]);
  });
  await operation("pull", "pull, show, template", async () => {
    await mkdir(join(folder, "cache"));
    await run("pull", "--plain-http", "--version", "0.1.0", "--destination", "cache", chart);
    const [pushed, pulled] = await Promise.all(
      ["app-0.1.0.tgz", "cache/app-0.1.0.tgz"].map((path) => readFile(join(folder, path))),
    );
    assert.ok(pushed && pulled?.equals(pushed));
    assert.match(await run("show", "chart", "--plain-http", "--version", "0.1.0", chart), /version: 0\.1\.0/);
    assert.match(await run("template", "--plain-http", chart, "--version", "0.1.0"), /kind: Deployment/);
  });
  await operation("list", "show (the newest by its version)", async () => {
    assert.match(await run("show", "chart", "--plain-http", chart), /version: 0\.2\.0/);
    assert.notEqual(await digestAt(host, "charts/app", "0.2.0_build.1"), null);
  });
});
