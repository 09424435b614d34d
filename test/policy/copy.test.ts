import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createMemoryRegistry, createMemoryStore } from "../../src/memory/memory.ts";
import { pinReferrers } from "../../src/policy/pinned-source.ts";
import { serve } from "../../src/server/serve.ts";
import { filesBelow, workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { toArray } from "../support/content.ts";
import { hang, pushApp } from "./scene.ts";

describe("berth copy --policy", () => {
  const registry = createMemoryRegistry();
  let folder: Awaited<ReturnType<typeof workFolder>>;
  let server: Awaited<ReturnType<typeof serve>>;
  let host = "";
  const run = async (line: string): Promise<RanInside> =>
    inside(line.split(" "), { cwd: folder.path, env: { COSIGN_PASSWORD: "" } });
  const works = async (line: string): Promise<string> => {
    const { code, out, err } = await run(line);
    assert.equal(code, 0, `${line}\n${err}`);
    return out.trim();
  };

  before(async () => {
    folder = await workFolder();
    server = await serve({ registry, host: "127.0.0.1", port: 0 });
    host = new URL(server.url).host;
    await mkdir(join(folder.path, "files"));
    await writeFile(join(folder.path, "files/a"), "content");
    await writeFile(
      join(folder.path, "policy.yaml"),
      `version: 1
identities: { release: { key: key.pub } }
rules:
  - { name: production, repositories: ["prod/**"], require: [{ signature: { by: release } }] }
  - { name: rest, repositories: ["test/**", "mirror"], allow: true }
`,
    );
    await works("image create ocidir://images:v1 --layer linux/amd64=files:/");
    await works("image create ocidir://images:v2 --layer linux/amd64=files:/usr");
    await works("key generate -o key");
    await works("sign ocidir://images:v1 --key key.key");
  });
  after(async () => {
    await server.close(0);
    await registry[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test("copies what is allowed, and tells by which policy", async () => {
    const out = await works(`copy ocidir://images:v1 ${host}/prod/app:v1 --policy policy.yaml`);
    assert.match(out, new RegExp(`allowed as ${host}/prod/app:v1 by the policy sha256:[0-9a-f]{12}`));
    assert.match(await works(`verify ${host}/prod/app:v1 --policy policy.yaml`), /allowed/);
  });

  test("writes nothing anywhere when one of the targets refuses it", async () => {
    const { code, out, err } = await run(
      `copy ocidir://images:v2 ${host}/prod/other:v2 ocidir://mirror --policy policy.yaml`,
    );
    assert.equal(code, 11);
    assert.match(out, /refused {2}127.*\/prod\/other:v2/);
    assert.match(err, /rule production is not met/);
    assert.equal(await registry.has("prod/other"), false);
    assert.equal(
      (await filesBelow(folder.path)).some((name) => name.startsWith("mirror")),
      false,
    );
    await works("copy ocidir://images:v2 ocidir://mirror --policy policy.yaml");
  });

  test("a dry run is refused alike", async () => {
    assert.equal((await run(`copy ocidir://images:v2 ${host}/prod/other --policy policy.yaml --dry-run`)).code, 11);
    await works(`copy ocidir://images:v1 ${host}/prod/third --policy policy.yaml --dry-run`);
    assert.equal(await registry.has("prod/third"), false);
  });

  test("all tags or none", async () => {
    const { code } = await run(`copy ocidir://images ${host}/prod/all --all-tags --policy policy.yaml`);
    assert.equal(code, 11);
    assert.equal(await registry.has("prod/all"), false);
    await works(`copy ocidir://images ${host}/test/all --all-tags --policy policy.yaml`);
  });

  test("what is judged is what is copied: no option may change it", async () => {
    for (const option of ["--to-docker", "--compress zstd", "--platform linux/amd64 --sparse strip"]) {
      assert.equal(
        (await run(`copy ocidir://images:v1 ${host}/prod/x --policy policy.yaml ${option}`)).code,
        2,
        option,
      );
    }
    assert.equal((await run(`copy ocidir://images:v1 ${host}/prod/x --as a`)).code, 2);
  });

  test("referrers stay what they were when they were judged", async () => {
    const store = createMemoryStore();
    const subject = await pushApp(store);
    const pinned = pinReferrers(store);
    assert.deepEqual(await toArray(pinned.referrers(subject)), []);
    await hang(store, subject, "{}", "application/sarif+json");
    assert.deepEqual(await toArray(pinned.referrers(subject)), []);
    assert.equal((await toArray(store.referrers(subject))).length, 1);
  });
});
