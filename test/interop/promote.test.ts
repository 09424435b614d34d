/**
 * Promotion to the registries of others: all of it comes along, the tags move last, and all of them or none; cosign
 * verifies there what the policy asked for, and the record.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Exit } from "../../src/error/code.ts";
import { PROMOTION_PREDICATE } from "../../src/policy/promotion-record.ts";
import { UNDO_PREDICATE } from "../../src/policy/undo-record.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { peerRegistries } from "../support/peer-registries.ts";
import { COSIGN_2, COSIGN_3, CosignPeer, type CosignTool } from "./cosign-peer.ts";
import { watch, type WatchedRegistry } from "./watched-registry.ts";

const POLICY = `version: 1
identities: { release: { key: release.pub } }
rules:
  - name: production
    repositories: ["prod/**"]
    require: [{ signature: { by: release } }, { sbom: { formats: [spdx] } }]
`;
const SPDX = { spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", name: "app", packages: [] };
const TAGS = ["v1", "stable", "latest"] as const;
const TO_THREE = "--tag stable --tag latest --policy policy.yaml --key release.key";

const tools = [COSIGN_3, COSIGN_2].map((tool): CosignTool & { readonly missing: string | false } => ({
  ...tool,
  missing: spawnSync(tool.program, ["version"]).error ? `${tool.program} not found on PATH: ${tool.install}` : false,
}));

for (const registry of peerRegistries) {
  describe(`berth promote to ${registry.name}`, { skip: registry.missing }, () => {
    const scope = new AsyncDisposableStack();
    let cwd = "";
    let inner = "";
    let watched: WatchedRegistry;
    let digest = "";
    let old = "";

    const run = async (line: string): Promise<RanInside> =>
      inside(line.split(" "), { cwd, env: { COSIGN_PASSWORD: "secret" } });
    const berth = async (line: string): Promise<string> => {
      const { code, out, err } = await run(line);
      assert.equal(code, 0, `berth ${line}\n${out}\n${err}`);
      return out.trim();
    };
    const tagged = async (name: string): Promise<Readonly<Record<string, string>>> =>
      Object.fromEntries(
        await Promise.all(
          TAGS.map(async (tag) => {
            const { code, out } = await run(`digest ${inner}/${name}:${tag}`);
            return [tag, code === 0 ? out.trim() : "nothing"] as const;
          }),
        ),
      );
    const all = (to: string): Readonly<Record<string, string>> => Object.fromEntries(TAGS.map((tag) => [tag, to]));
    /** Where the tags are already, so that putting them back is no deletion. */
    const oldAt = async (name: string): Promise<void> => {
      await berth(`copy ocidir://images:old ${inner}/${name}:v1`);
      for (const tag of ["stable", "latest"]) await berth(`tag add ${inner}/${name}:v1 ${tag}`);
    };

    before(async () => {
      cwd = scope.use(await workFolder()).path;
      const started = await registry.start();
      scope.defer(() => started.close());
      inner = started.host;
      watched = scope.use(await watch(inner));
      const at = (name: string): string => join(cwd, name);
      await writeFile(at("policy.yaml"), POLICY);
      await writeFile(at("hello"), "hello");
      await writeFile(at("sbom.json"), JSON.stringify(SPDX));
      await berth("image create ocidir://images:v1 --layer linux/amd64=hello:/");
      await berth("image create ocidir://images:old --layer linux/amd64=hello:/old");
      await berth("key generate -o release");
      await berth("sign ocidir://images:v1 --key release.key");
      await berth("attach ocidir://images:v1 sbom.json:application/spdx+json --artifact-type application/spdx+json");
      await berth(`copy ocidir://images:v1 ${inner}/staging/app:v1`);
      digest = await berth("digest ocidir://images:v1");
      old = await berth("digest ocidir://images:old");
    });
    after(() => scope.disposeAsync());

    for (const source of ["layout", "registry"] as const) {
      test(`from a ${source}: everything first, the tags last, and cosign verifies it there`, async (t) => {
        const from = source === "layout" ? "ocidir://images:v1" : `${inner}/staging/app:v1`;
        const name = `prod/from-${source}`;
        watched.writes.length = 0;
        await berth(`promote ${from} ${watched.host}/${name}:v1 ${TO_THREE}`);
        assert.deepEqual(await tagged(name), all(digest));
        const isTag = (write: string): boolean => TAGS.some((tag) => write === `PUT /v2/${name}/manifests/${tag}`);
        const first = watched.writes.findIndex(isTag);
        assert.ok(first > 0);
        assert.equal(watched.writes.slice(first).filter(isTag).length, TAGS.length, watched.writes.join("\n"));
        assert.equal(watched.writes.length, first + TAGS.length, watched.writes.join("\n"));
        assert.match(await berth(`discover ${inner}/${name}:v1`), /application\/spdx\+json/);
        assert.match(await berth(`verify ${inner}/${name}:latest --policy policy.yaml`), /allowed/);

        for (const tool of tools) {
          await t.test(tool.name, { skip: tool.missing }, async () => {
            const folder = scope.use(await workFolder()).path;
            const peer = await CosignPeer.open(tool, folder);
            const ours = ["--key", join(cwd, "release.pub"), ...peer.bundleFlags];
            const subject = `${inner}/${name}@${digest}`;
            assert.ok((await peer.run("verify", ...ours, subject)).includes(digest));
            const record = await peer.run("verify-attestation", ...ours, "--type", PROMOTION_PREDICATE, subject);
            const { payload } = JSON.parse(record) as { payload: string };
            const statement = JSON.parse(Buffer.from(payload, "base64").toString()) as {
              predicateType: string;
              predicate: { tags: readonly { name: string; previous: null }[] };
            };
            assert.equal(statement.predicateType, PROMOTION_PREDICATE);
            assert.deepEqual(
              statement.predicate.tags,
              TAGS.map((tag) => ({ name: tag, previous: null })),
            );
            await assert.rejects(peer.run("verify-attestation", ...ours, "--type", UNDO_PREDICATE, subject));
            const others = ["--key", "other.pub", ...peer.bundleFlags];
            await assert.rejects(peer.run("verify", ...others, subject));
            await assert.rejects(peer.run("verify-attestation", ...others, "--type", PROMOTION_PREDICATE, subject));
          });
        }
      });
    }

    test("a tag that the registry refuses rolls back the others, and no record stays", async () => {
      await oldAt("prod/refused");
      watched.before = async (method, path) =>
        method === "PUT" && path === "/v2/prod/refused/manifests/stable" ? 403 : undefined;
      const { code, err } = await run(`promote ocidir://images:v1 ${watched.host}/prod/refused:v1 ${TO_THREE}`);
      watched.before = undefined;
      assert.equal(code, Exit.Access, err);
      assert.match(err, /nobody moves this tag/);
      assert.deepEqual(await tagged("prod/refused"), all(old));
      const record = await run(
        `verify-attestation ${inner}/prod/refused@${digest} --key release.pub --type ${PROMOTION_PREDICATE}`,
      );
      // zot drops a manifest with its last tag.
      assert.equal(record.code, registry.name === "zot" ? Exit.NotFound : Exit.Unverified, record.out);
    });

    test("a tag that somebody else moves meanwhile rolls back the others, and stays where they put it", async () => {
      await oldAt("prod/moved");
      await berth(`image create ${inner}/prod/moved:theirs --layer linux/amd64=hello:/theirs`);
      const theirs = await berth(`digest ${inner}/prod/moved:theirs`);
      watched.before = async (method, path) => {
        // While the first tag is on its way.
        if (method === "PUT" && path === "/v2/prod/moved/manifests/v1") {
          watched.before = undefined;
          await berth(`tag add ${inner}/prod/moved:theirs stable`);
        }
        return undefined;
      };
      const { code, err } = await run(`promote ocidir://images:v1 ${watched.host}/prod/moved:v1 ${TO_THREE}`);
      assert.equal(code, Exit.Conflict, err);
      assert.deepEqual(await tagged("prod/moved"), { v1: old, stable: theirs, latest: old });
    });

    test("tags that were not there are gone again when one of them is refused", async () => {
      watched.before = async (method, path) =>
        method === "PUT" && path === "/v2/prod/fresh/manifests/stable" ? 403 : undefined;
      const { code, err } = await run(`promote ocidir://images:v1 ${watched.host}/prod/fresh:v1 ${TO_THREE}`);
      watched.before = undefined;
      assert.equal(code, Exit.Access, err);
      assert.deepEqual(await tagged("prod/fresh"), all("nothing"));
    });

    test("undone, tags that were not there before are gone", async () => {
      await berth(`promote ocidir://images:v1 ${inner}/prod/new:v1 ${TO_THREE}`);
      await berth(`promote --undo ${inner}/prod/new:v1 --key release.key`);
      assert.deepEqual(await tagged("prod/new"), all("nothing"));
    });

    test("undone, the tags are where they were, and cosign verifies the record of that", async (t) => {
      await oldAt("prod/undone");
      // Where it would be dropped with its last tag.
      await berth(`tag add ${inner}/prod/undone:v1 former`);
      await berth(`promote ocidir://images:v1 ${inner}/prod/undone:v1 ${TO_THREE}`);
      assert.deepEqual(await tagged("prod/undone"), all(digest));
      await berth(`promote --undo ${inner}/prod/undone:stable --key release.key`);
      assert.deepEqual(await tagged("prod/undone"), all(old));
      for (const tool of tools) {
        await t.test(tool.name, { skip: tool.missing }, async () => {
          const peer = await CosignPeer.open(tool, scope.use(await workFolder()).path);
          const ours = ["--key", join(cwd, "release.pub"), ...peer.bundleFlags];
          const subject = `${inner}/prod/undone@${digest}`;
          assert.match(await peer.run("verify-attestation", ...ours, "--type", UNDO_PREDICATE, subject), /payload/);
        });
      }
    });
  });
}
