import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { missing, startDockerRegistry } from "../support/docker-registry.ts";

const execute = promisify(execFile);
const absent = missing("helm", "go install helm.sh/helm/v3/cmd/helm@v3.19.2");

const CONFIG = "application/vnd.cncf.helm.config.v1+json";
const CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

interface Place extends AsyncDisposable {
  readonly cwd: string;
  readonly host: string;
  helm(...args: string[]): Promise<string>;
  berth(...args: string[]): Promise<string>;
}

/** A chart of version 0.1.0, packaged, and a registry. */
async function openPlace(start: () => Promise<{ readonly host: string; close(): Promise<void> }>): Promise<Place> {
  const folder = await workFolder();
  const cwd = folder.path;
  const registry = await start();
  const env = { PATH: process.env["PATH"], HOME: cwd, DOCKER_CONFIG: cwd };
  const place = {
    cwd,
    host: registry.host,
    helm: async (...args: string[]) => (await execute("helm", args, { cwd, env })).stdout,
    async berth(...args: string[]) {
      const { code, out, err } = await inside(args, { cwd });
      assert.equal(code, 0, `berth ${args.join(" ")}: ${err}`);
      return out.trim();
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await folder[Symbol.asyncDispose]();
    },
  };
  await place.helm("create", "app");
  await place.helm("package", "app");
  return place;
}

async function ourServer(): Promise<{ readonly host: string; close(): Promise<void> }> {
  const server = await serve({ registry: createMemoryRegistry(), host: "127.0.0.1", port: 0 });
  return { host: new URL(server.url).host, close: () => server.close(0) };
}

for (const [where, start, skip] of [
  ["our registry", ourServer, absent],
  ["docker-registry", () => startDockerRegistry(), absent || missing("docker-registry")],
] as const) {
  describe(`charts in ${where}`, { skip }, () => {
    test("berth pulls the chart that helm pushed, under helm's name; a copy through a layout is still helm's", async () => {
      await using at = await openPlace(start);
      await at.helm("push", "--plain-http", "app-0.1.0.tgz", `oci://${at.host}/charts`);
      await at.berth("pull", `oci://${at.host}/charts/app:0.1.0`, "-o", "out");
      const [theirs, ours] = await Promise.all(
        ["app-0.1.0.tgz", "out/app-0.1.0.tgz"].map((path) => readFile(join(at.cwd, path))),
      );
      assert.ok(theirs && ours?.equals(theirs));
      const digest = await at.berth("digest", `${at.host}/charts/app:0.1.0`);
      await at.berth("copy", `${at.host}/charts/app:0.1.0`, "ocidir://layout:0.1.0");
      await at.berth("copy", "ocidir://layout:0.1.0", `${at.host}/mirror/app:0.1.0`);
      assert.equal(await at.berth("digest", `${at.host}/mirror/app:0.1.0`), digest);
      await mkdir(join(at.cwd, "mirrored"));
      await at.helm("pull", "--plain-http", `oci://${at.host}/mirror/app`, "--version", "0.1.0", "-d", "mirrored");
      assert.ok(theirs.equals(await readFile(join(at.cwd, "mirrored/app-0.1.0.tgz"))));
    });

    test("helm pulls, shows and renders the chart that berth pushed", async () => {
      await using at = await openPlace(start);
      const config = { name: "app", version: "0.1.0", apiVersion: "v2", type: "application" };
      await writeFile(join(at.cwd, "config.json"), JSON.stringify(config));
      const target = `${at.host}/ours/app`;
      const typed = ["--config", `config.json:${CONFIG}`, `app-0.1.0.tgz:${CHART}`];
      await at.berth("push", `oci://${target}:0.1.0`, ...typed, "-a", "org.opencontainers.image.version=0.1.0");
      const version = ["--plain-http", "--version", "0.1.0"];
      await at.helm("pull", ...version, `oci://${target}`, "--untar", "--untardir", "theirs");
      assert.match(await readFile(join(at.cwd, "theirs/app/Chart.yaml"), "utf8"), /^version: 0\.1\.0$/m);
      assert.match(await at.helm("show", "chart", ...version, `oci://${target}`), /^version: 0\.1\.0$/m);
      assert.match(await at.helm("template", ...version, `oci://${target}`), /kind: Deployment/);
      await at.berth("pull", `oci://${target}:0.1.0`, "-o", "back");
      const [pushed, pulled] = await Promise.all(
        ["app-0.1.0.tgz", "back/app-0.1.0.tgz"].map((path) => readFile(join(at.cwd, path))),
      );
      assert.ok(pushed && pulled?.equals(pushed));
    });
  });
}
