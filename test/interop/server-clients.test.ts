import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { createMemoryRegistry } from "../../src/memory/index.ts";
import { serve } from "../../src/server/serve.ts";
import type { Registry } from "../../src/store/store.ts";
import { image, pushImage } from "../support/content.ts";

const run = promisify(execFile);

const INSTALL: Readonly<Record<string, string>> = {
  skopeo: "apt-get install skopeo",
  crane: "go install github.com/google/go-containerregistry/cmd/crane@latest",
  oras: "see https://oras.land/docs/installation",
  regctl: "go install github.com/regclient/regclient/cmd/regctl@latest",
};

interface Setting {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly url: string;
  readonly folder: string;
  readonly registry: Registry;
  client(...args: string[]): Promise<string>;
}

/** Runs a test against `serve` over memory and over layouts, or skips it loudly where the client is absent. */
function withClient(name: string, what: string, work: (setting: Setting) => Promise<void>): void {
  for (const medium of ["memory", "layouts"] as const) {
    test(`${name} over ${medium}: ${what}`, async (t: TestContext) => {
      if (spawnSync(name, ["--help"]).error) {
        t.skip(`${name} not found on PATH: ${INSTALL[name]}`);
        return;
      }
      const folder = await mkdtemp(join(tmpdir(), "berth-interop-"));
      const root = await mkdtemp(join(tmpdir(), "berth-interop-"));
      const registry = medium === "memory" ? createMemoryRegistry() : await openLayoutFolder(root);
      const server = await serve({ registry });
      // A home of its own: nobody's logins and settings, and nothing written to them.
      const env = { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, DOCKER_CONFIG: folder };
      try {
        await work({
          host: `127.0.0.1:${server.address.port}`,
          url: server.url,
          folder,
          registry,
          client: async (...args) => (await run(name, args, { env, cwd: folder, timeout: 60_000 })).stdout,
        });
      } finally {
        await server.close(1000);
        await registry[Symbol.asyncDispose]();
        for (const path of [folder, root]) await rm(path, { recursive: true, force: true });
      }
    });
  }
}

async function digestAt(url: string, repository: string, name: string): Promise<string | null> {
  const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
  const answer = await fetch(`${url}/v2/${repository}/manifests/${name}`, { method: "HEAD", headers: { accept } });
  return answer.status === 200 ? answer.headers.get("docker-content-digest") : null;
}

/** Puts an image into the served registry and returns its digest. */
async function seed(registry: Registry, repository: string, tag: string): Promise<string> {
  return (await pushImage(await registry.repository(repository), image(tag), [tag])).digest;
}

withClient(
  "skopeo",
  "copies out, in and across, inspects, lists and deletes",
  async ({ host, url, folder, registry, client }) => {
    const digest = await seed(registry, "team/app", "v1");
    const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    await client(
      "--insecure-policy",
      "copy",
      ...plain,
      `docker://${host}/team/app:v1`,
      `oci:${join(folder, "out")}:v1`,
    );
    await client(
      "--insecure-policy",
      "copy",
      ...plain,
      `oci:${join(folder, "out")}:v1`,
      `docker://${host}/team/back:v2`,
    );
    assert.equal(await digestAt(url, "team/back", "v2"), digest);
    // Blobs are in the registry already, so this one mounts.
    await client("--insecure-policy", "copy", ...plain, `docker://${host}/team/app:v1`, `docker://${host}/other:v3`);
    assert.equal(await digestAt(url, "other", "v3"), digest);
    const listed = JSON.parse(await client("list-tags", "--tls-verify=false", `docker://${host}/team/back`));
    assert.deepEqual(listed.Tags, ["v2"]);
    const raw = await client("inspect", "--raw", "--tls-verify=false", `docker://${host}/team/app:v1`);
    assert.equal(raw, Buffer.from(image("v1").manifest.bytes).toString());
    await client("delete", "--tls-verify=false", `docker://${host}/other:v3`);
    assert.equal(await digestAt(url, "other", "v3"), null);
  },
);

withClient(
  "crane",
  "pushes, pulls, copies, lists, shows the catalog and deletes",
  async ({ host, url, folder, client }) => {
    await writeFile(join(folder, "hello.txt"), "hello");
    await run("tar", ["cf", join(folder, "layer.tar"), "-C", folder, "hello.txt"]);
    await client(
      "append",
      "--insecure",
      "--oci-empty-base",
      "-f",
      join(folder, "layer.tar"),
      "-t",
      `${host}/crane/app:v1`,
    );
    const digest = (await client("digest", "--insecure", `${host}/crane/app:v1`)).trim();
    assert.equal(await digestAt(url, "crane/app", "v1"), digest);
    await client("pull", "--insecure", "--format=oci", `${host}/crane/app:v1`, join(folder, "pulled"));
    await client("push", "--insecure", join(folder, "pulled"), `${host}/crane/pushed:v1`);
    assert.equal(await digestAt(url, "crane/pushed", "v1"), digest);
    await client("copy", "--insecure", `${host}/crane/app:v1`, `${host}/crane/copied:v1`);
    await client("tag", "--insecure", `${host}/crane/app:v1`, "v2");
    assert.deepEqual((await client("ls", "--insecure", `${host}/crane/app`)).split("\n").filter(Boolean), ["v1", "v2"]);
    const catalog = (await client("catalog", "--insecure", host)).split("\n").filter(Boolean);
    assert.deepEqual(catalog, ["crane/app", "crane/copied", "crane/pushed"]);
    await client("delete", "--insecure", `${host}/crane/app@${digest}`);
    assert.equal(await digestAt(url, "crane/app", "v2"), null);
  },
);

withClient(
  "oras",
  "pushes files, attaches to them, discovers, pulls and copies the graph",
  async ({ host, url, folder, client }) => {
    await writeFile(join(folder, "artifact.txt"), "an artifact");
    await writeFile(join(folder, "sbom.json"), '{"sbom":true}');
    await client("push", "--plain-http", `${host}/oras/app:v1`, "artifact.txt:text/plain");
    await client(
      "attach",
      "--plain-http",
      "--artifact-type",
      "application/vnd.sbom+json",
      `${host}/oras/app:v1`,
      "sbom.json",
    );
    const found = await client("discover", "--plain-http", "--format", "json", `${host}/oras/app:v1`);
    assert.match(found, /application\/vnd\.sbom\+json/);
    // The API answered, so there is no fallback tag.
    assert.equal((await client("repo", "tags", "--plain-http", `${host}/oras/app`)).trim(), "v1");
    await client("cp", "-r", "--from-plain-http", "--to-plain-http", `${host}/oras/app:v1`, `${host}/oras/copy:v1`);
    assert.equal(await digestAt(url, "oras/copy", "v1"), await digestAt(url, "oras/app", "v1"));
    assert.match(
      await client("discover", "--plain-http", "--format", "json", `${host}/oras/copy:v1`),
      /vnd\.sbom\+json/,
    );
    await client("pull", "--plain-http", "-o", join(folder, "pulled"), `${host}/oras/copy:v1`);
    assert.equal(await readFile(join(folder, "pulled", "artifact.txt"), "utf8"), "an artifact");
    const put = await client("blob", "push", "--plain-http", `${host}/oras/app`, "sbom.json");
    assert.match(put, /Digest: sha256:/);
  },
);

withClient(
  "regctl",
  "copies images, puts and gets artifacts with a subject, deletes a tag",
  async ({ host, url, folder, registry, client }) => {
    const digest = await seed(registry, "reg/app", "v1");
    await client("registry", "set", host, "--tls", "disabled");
    await client("image", "copy", `${host}/reg/app:v1`, `ocidir://${join(folder, "dir")}:v1`);
    await client("image", "copy", `ocidir://${join(folder, "dir")}:v1`, `${host}/reg/back:v1`);
    assert.equal(await digestAt(url, "reg/back", "v1"), digest);
    await writeFile(join(folder, "report.txt"), "a report");
    const artifact = [
      "artifact",
      "put",
      "--artifact-type",
      "application/vnd.report",
      "--file",
      join(folder, "report.txt"),
    ];
    await client(...artifact, "--subject", `${host}/reg/app:v1`);
    const tree = await client("artifact", "list", `${host}/reg/app:v1`);
    assert.match(tree, /application\/vnd\.report/);
    const got = await client(
      "artifact",
      "get",
      "--subject",
      `${host}/reg/app:v1`,
      "--filter-artifact-type",
      "application/vnd.report",
    );
    assert.equal(got, "a report");
    await client("image", "copy", "--referrers", `${host}/reg/app:v1`, `${host}/reg/whole:v1`);
    assert.match(await client("artifact", "list", `${host}/reg/whole:v1`), /application\/vnd\.report/);
    await client("tag", "rm", `${host}/reg/whole:v1`);
    assert.equal((await client("tag", "ls", `${host}/reg/whole`)).trim(), "");
    assert.equal(await digestAt(url, "reg/whole", digest), digest);
  },
);
