import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type ServedRegistry, servedRegistry } from "../content/served.ts";
import { filesBelow, workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";

describe("berth promote", () => {
  let folder: Awaited<ReturnType<typeof workFolder>>;
  let served: ServedRegistry;
  const run = async (line: string): Promise<RanInside> =>
    inside(line.split(" "), { cwd: folder.path, env: { COSIGN_PASSWORD: "" } });
  const works = async (line: string): Promise<string> => {
    const { code, out, err } = await run(line);
    assert.equal(code, 0, `${line}\n${err}`);
    return out.trim();
  };
  const fails = async (line: string, code: number): Promise<RanInside> => {
    const ran = await run(line);
    assert.equal(ran.code, code, `${line}\n${ran.err}`);
    return ran;
  };

  before(async () => {
    folder = await workFolder();
    served = await servedRegistry();
    await mkdir(join(folder.path, "files"));
    await writeFile(join(folder.path, "files/a"), "content");
    await writeFile(
      join(folder.path, "policy.yaml"),
      `version: 1
identities: { release: { key: key.pub } }
rules:
  - { name: production, repositories: ["prod/**", "live"], require: [{ signature: { by: release } }] }
`,
    );
    await works("image create ocidir://images:v1 --layer linux/amd64=files:/");
    await works("image create ocidir://images:v2 --layer linux/amd64=files:/usr");
    await works("key generate -o key");
    await works("key generate -o other");
    await works("sign ocidir://images:v1 --key key.key");
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  for (const medium of ["registry", "layout"] as const) {
    test(`to a ${medium}: plan, refusal, promotion, and back`, async () => {
      const target = medium === "registry" ? `${served.host}/prod/app` : "ocidir://live";
      const there = async (): Promise<boolean> =>
        medium === "registry"
          ? served.registry.has("prod/app")
          : (await filesBelow(folder.path)).some((name) => name.startsWith("live"));
      const refused = await fails(`promote ocidir://images:v2 ${target}:v1 --policy policy.yaml --key key.key`, 11);
      assert.match(refused.out, /rule production is not met/);
      assert.equal(await there(), false);

      const plan = await works(
        `promote ocidir://images:v1 ${target} --tag v1 --tag stable --policy policy.yaml --dry-run`,
      );
      assert.match(plan, /allowed {2}/);
      assert.match(plan, /(?:push|link) {3}config/);
      assert.match(plan, /tag {4}v1 → [0-9a-f:sha]+ \(new\)\ntag {4}stable → /);
      assert.equal(await there(), false);

      const done = await works(
        `promote ocidir://images:v1 ${target} --tag v1 --tag stable --policy policy.yaml --key key.key`,
      );
      assert.match(done, /moved {2}v1 → .* \(new\)\nmoved {2}stable → .* \(new\)\nrecord sha256:/);
      const digest = await works("digest ocidir://images:v1");
      assert.equal(await works(`digest ${target}:stable`), digest);
      assert.match(await works(`verify ${target}:v1 --policy policy.yaml`), /allowed/);
      await works(`verify-attestation ${target}:v1 --key key.pub --type https://berth.dev/attestation/promotion/v1`);
      assert.match(
        await works(`promote ocidir://images:v1 ${target}:v1 --policy policy.yaml --key key.key`),
        /All tags were there already/,
      );

      await fails(`promote --undo ${target}:v1 --key other.pub`, 10);
      await fails(`promote --undo ${target}:v1`, 2);
      assert.match(
        await works(`promote --undo ${target}:v1 --key key.pub --dry-run`),
        /would undo .*\ntag {4}v1 → removed/,
      );
      const undone = JSON.parse(await works(`promote --undo ${target}:v1 --key key.key --json`)) as {
        tags: { name: string; to: string | null }[];
      };
      assert.deepEqual(
        undone.tags.map(({ name, to }) => [name, to]),
        [
          ["v1", null],
          ["stable", null],
        ],
      );
      assert.equal(await works(`tag ls ${target}`), "");
    });
  }

  test("says what is missing on the command line", async () => {
    await fails(`promote ocidir://images:v1 ${served.host}/prod/x --policy policy.yaml`, 2);
    await fails(`promote ocidir://images:v1 ${served.host}/prod/x --key key.key`, 2);
    await fails("promote ocidir://images:v1 --policy policy.yaml --key key.key", 2);
    await fails("promote ocidir://images:v1 docker-archive:x.tar --policy policy.yaml --key key.key", 1);
    assert.equal(await served.registry.has("prod/x"), false);
  });

  test("tells programs all of it", async () => {
    const out = await works(
      `promote ocidir://images:v1 ${served.host}/prod/json --policy policy.yaml --key key.key --json`,
    );
    const { digest, tags, record, decision, guarded } = JSON.parse(out) as {
      digest: string;
      tags: unknown;
      record: string;
      guarded: boolean;
      decision: { allowed: boolean; rules: { rule: string }[] };
    };
    assert.equal(digest, await works("digest ocidir://images:v1"));
    assert.deepEqual(tags, [{ name: "v1", previous: null }]);
    assert.match(record, /^sha256:/);
    assert.equal(guarded, true);
    assert.deepEqual(
      decision.rules.map(({ rule }) => rule),
      ["production"],
    );
  });
});
