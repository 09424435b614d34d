import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Exit } from "../../src/error/code.ts";
import { tufTrust } from "../../src/sign/tuf-root.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { ANN } from "./keyless-scene.ts";
import { ISSUER, openServices, tokenOf } from "./sigstore-services.ts";
import { openTufRepository, type TufRepository } from "./tuf-repository.ts";

const WHO = `--certificate-identity ${ANN} --certificate-oidc-issuer ${ISSUER}`;

/** An image that ann signed, and a repository that says to trust those who witnessed it. */
async function withRepository(
  work: (repository: TufRepository, verify: (more?: string) => Promise<RanInside>, cwd: string) => Promise<void>,
): Promise<void> {
  await using folder = await workFolder();
  const cwd = folder.path;
  await using services = await openServices();
  await using repository = await openTufRepository(services.rootBytes);
  await imageLayout(join(cwd, "images"), ["v1"]);
  await writeFile(join(cwd, "first.json"), repository.root);
  const go = (line: string): Promise<RanInside> =>
    inside(line.split(" "), { cwd, env: { SIGSTORE_ID_TOKEN: tokenOf(ANN), XDG_CACHE_HOME: join(cwd, "cache") } });
  const at = `--fulcio-url ${services.url} --rekor-url ${services.url}`;
  assert.equal((await go(`sign ocidir://images:v1 --keyless ${at}`)).code, 0);
  await work(
    repository,
    (more = `--tuf-mirror ${repository.url} --tuf-root first.json`) => go(`verify ocidir://images:v1 ${WHO} ${more}`),
    cwd,
  );
}

describe("whom to trust, learnt by TUF", () => {
  test("is verified, and kept for this user alone", async () => {
    await withRepository(async ({ requests }, verify, cwd) => {
      const first = await verify();
      assert.equal(first.code, 0, first.err);
      assert.ok(requests.includes("timestamp.json"));
      assert.equal((await stat(join(cwd, "cache/berth/tuf"))).mode & 0o777, 0o700);
      requests.length = 0;
      assert.equal((await verify()).code, 0);
      assert.deepEqual(
        requests.filter((path) => path.startsWith("targets/")),
        [],
        "what did not change is not fetched again",
      );
    });
  });

  for (const [what, change, exit, message] of [
    [
      "signed by another key",
      ({ publish }) => publish(Buffer.from("{}"), { version: 2, key: generateKeyPairSync("ed25519").privateKey }),
      Exit.Unverified,
      /not to be trusted/,
    ],
    [
      "expired",
      ({ publish }) => publish(Buffer.from("{}"), { version: 2, expires: new Date(Date.now() - 1000) }),
      Exit.Unverified,
      /not to be trusted/,
    ],
    [
      "another file than was signed",
      ({ files, publish }) => {
        publish(Buffer.from('{"a":1}'), { version: 2 });
        for (const name of files.keys()) if (name.startsWith("targets/")) files.set(name, Buffer.from('{"a":2}'));
      },
      Exit.Unverified,
      /not to be trusted/,
    ],
    [
      "a root that trusts nobody",
      ({ publish }) => publish(Buffer.from("{}"), { version: 2 }),
      Exit.Usage,
      /trusts nobody/,
    ],
    ["not there", ({ files }) => files.clear(), Exit.Network, /could not be learnt/],
  ] as const satisfies readonly (readonly [string, (repository: TufRepository) => void, number, RegExp])[]) {
    for (const warm of [false, true]) {
      test(`nothing is verified where it is ${what}${warm ? ", after it was good" : ""}`, async () => {
        await withRepository(async (repository, verify) => {
          if (warm) assert.equal((await verify()).code, 0);
          change(repository);
          const { code, err } = await verify();
          assert.equal(code, exit, err);
          assert.match(err, message);
        });
      });
    }
  }

  test("an older version than was seen is refused", async () => {
    await withRepository(async (repository, verify) => {
      const old = new Map(repository.files);
      const [target] = [...old].filter(([name]) => name.startsWith("targets/")).map(([, bytes]) => bytes);
      repository.publish(target ?? assert.fail(), { version: 2 });
      assert.equal((await verify()).code, 0);
      repository.files.clear();
      for (const [name, bytes] of old) repository.files.set(name, bytes);
      const { code, err } = await verify();
      assert.equal(code, Exit.Unverified, err);
    });
  });

  test("another first root does not inherit what the first one led to", async () => {
    await withRepository(async ({ url }, verify, cwd) => {
      assert.equal((await verify()).code, 0);
      await using other = await openTufRepository(Buffer.from("{}"));
      await writeFile(join(cwd, "other.json"), other.root);
      assert.equal((await verify(`--tuf-mirror ${url} --tuf-root other.json`)).code, Exit.Unverified);
    });
  });

  test("needs a first root, and somewhere to keep things", async () => {
    await withRepository(async ({ url }, verify, cwd) => {
      assert.match((await verify(`--tuf-mirror ${url}`)).err, /Expected --tuf-root/);
      assert.equal((await verify(`--tuf-mirror ${url} --tuf-root missing.json`)).code, Exit.Usage);
      assert.match((await verify(`--trusted-root x --tuf-mirror ${url}`)).err, /either --trusted-root or/);
      assert.throws(() => tufTrust({ cache: cwd, mirror: "http://example.com" }), { code: "USAGE" });
      const homeless = await inside(`verify ocidir://images:v1 ${WHO}`.split(" "), { cwd });
      assert.match(homeless.err, /Expected a home directory/);
    });
  });
});
