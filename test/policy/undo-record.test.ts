import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { UNDO_PREDICATE } from "../../src/policy/undo-record.ts";
import { verifyAttestations } from "../../src/sign/verify.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Store } from "../../src/store/store.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { type ServedRegistry, servedRegistry } from "../content/served.ts";
import { ANN } from "../sign/keyless-scene.ts";
import { ISSUER, openServices, type SigstoreServices, tokenOf } from "../sign/sigstore-services.ts";
import { toArray } from "../support/content.ts";
import { ann, pushApp } from "./scene.ts";
import { BY, promote, signed, targets, undo } from "./promote-scene.ts";

/** The signed statements on a manifest that a promotion was undone. */
async function undoings(source: Store, subject: Descriptor): Promise<readonly unknown[]> {
  const { signatures } = await verifyAttestations({
    source,
    subject,
    verifiers: [ann.verifier],
    predicateType: UNDO_PREDICATE,
  });
  return signatures.flatMap(({ valid, statement }) => (valid && statement ? [statement.predicate] : []));
}

for (const [medium, open] of Object.entries(targets)) {
  describe(`undoing a promotion to a ${medium}`, () => {
    test("leaves a signed record on what was promoted, and none without a signer", async () => {
      await using scope = new AsyncDisposableStack();
      const target = await open(scope);
      const { store, subject } = await signed();
      const old = await pushApp(target, { architecture: "s390x" }, ["v1"]);
      await promote(store, subject, target);
      await (await undo(target, subject)).run();
      assert.deepEqual(await undoings(target, subject), []);

      const { record: promotion } = await promote(store, subject, target);
      await target.update([{ tag: "stable", to: old }]);
      const began = new Date().toISOString();
      const prepared = await undo(target, subject);
      const { record } = await prepared.run(BY);
      assert.ok(record && promotion);
      const [told, ...more] = (await undoings(target, subject)) as [{ undoneAt: string }, ...unknown[]];
      assert.equal(more.length, 0);
      const { undoneAt, ...rest } = told;
      assert.ok(undoneAt >= began && undoneAt <= new Date().toISOString());
      assert.deepEqual(rest, {
        by: BY.facts,
        promotion: {
          record: { digest: { sha256: promotion.digest.slice("sha256:".length) } },
          promotedAt: prepared.record.promotedAt,
          source: { reference: "staging/app:v1" },
        },
        target: { repository: "prod/app" },
        tags: [{ name: "v1", from: subject.digest, to: old.digest }],
        left: ["stable"],
      });
      const referrers = await toArray(target.referrers(subject));
      assert.ok(referrers.some(({ descriptor }) => descriptor.digest === record.digest));
      // It is no record of a promotion.
      await assert.rejects(undo(target, subject), (error) => isOciError(error, "CONFLICT"));
    });

    test("takes its record back when a tag has moved meanwhile", async () => {
      await using scope = new AsyncDisposableStack();
      const target = await open(scope);
      const { store, subject } = await signed();
      await promote(store, subject, target);
      const prepared = await undo(target, subject);
      const other = await pushApp(target, { architecture: "s390x" });
      await target.update([{ tag: "stable", to: other }]);
      await assert.rejects(prepared.run(BY), (error) => isOciError(error, "CONFLICT"));
      assert.equal((await target.resolve({ tag: "v1" })).digest, subject.digest);
      assert.deepEqual(await undoings(target, subject), []);
    });
  });
}

test("a record that cannot be left puts no tag back", async () => {
  const { store, subject } = await signed();
  await promote(store, subject, store);
  const full = decorate(store, {
    push: async () => {
      throw new Error("The disk is full");
    },
  });
  await assert.rejects((await undo(full, subject)).run(BY), /disk is full/);
  assert.equal((await store.resolve({ tag: "v1" })).digest, subject.digest);
});

describe("berth promote --undo", () => {
  const owned = new AsyncDisposableStack();
  let cwd = "";
  let services: SigstoreServices;
  let served: ServedRegistry;
  const run = async (line: string): Promise<RanInside> =>
    inside(line.split(" "), { cwd, env: { COSIGN_PASSWORD: "", SIGSTORE_ID_TOKEN: tokenOf(ANN) } });
  const works = async (line: string): Promise<string> => {
    const { code, out, err } = await run(line);
    assert.equal(code, 0, `${line}\n${out}\n${err}`);
    return out.trim();
  };

  before(async () => {
    cwd = owned.use(await workFolder()).path;
    services = owned.use(await openServices());
    served = owned.use(await servedRegistry());
    await mkdir(join(cwd, "files"));
    await writeFile(join(cwd, "files/a"), "content");
    await writeFile(join(cwd, "root.json"), services.rootBytes);
    await writeFile(
      join(cwd, "policy.yaml"),
      `version: 1
identities: { release: { key: key.pub } }
rules:
  - { name: all, repositories: ["**"], require: [{ signature: { by: release } }] }
`,
    );
    await works("image create ocidir://images:v1 --layer linux/amd64=files:/");
    await works("key generate -o key");
    await works("sign ocidir://images:v1 --key key.key");
  });
  after(() => owned.disposeAsync());

  for (const medium of ["registry", "layout"] as const) {
    test(`with a private key, in a ${medium}: the plan, the record, and who shows it`, async () => {
      const place = medium === "registry" ? `${served.host}/prod/app` : "ocidir://live";
      await works(`promote ocidir://images:v1 ${place}:v1 --policy policy.yaml --key key.key`);
      const digest = await works("digest ocidir://images:v1");
      const plan = await works(`promote --undo ${place}:v1 --key key.key --dry-run`);
      assert.match(plan, /^record of it, signed, on what was promoted$/m);
      const told = JSON.parse(await works(`promote --undo ${place}:v1 --key key.key --dry-run --json`)) as object;
      assert.ok("recorded" in told && told.recorded === true);
      const done = await works(`promote --undo ${place}:v1 --key key.key`);
      const [, record] = /^record (sha256:[0-9a-f]{64})$/m.exec(done) ?? [];
      assert.ok(record, done);
      const undone = `${place}@${digest}`;
      const statement = JSON.parse(
        await works(`verify-attestation ${undone} --key key.pub --type ${UNDO_PREDICATE}`),
      ) as {
        predicate: { tags: unknown; by: object };
      };
      assert.deepEqual(statement.predicate.tags, [{ name: "v1", from: digest, to: null }]);
      assert.deepEqual(Object.keys(statement.predicate.by), ["keyId"]);
      assert.ok((await works(`signatures ${undone} --key key.pub`)).includes(UNDO_PREDICATE));
      assert.ok((await works(`discover ${undone}`)).includes(record));
    });
  }

  test("with a public key it leaves none, and says so", async () => {
    await works("promote ocidir://images:v1 ocidir://public:v1 --policy policy.yaml --key key.key");
    const none = /^No record of it is left: that takes a private --key, or --keyless$/m;
    assert.match(await works("promote --undo ocidir://public:v1 --key key.pub --dry-run"), none);
    const before = await works("discover ocidir://public:v1 --json");
    const digest = await works("digest ocidir://public:v1");
    assert.match(await works("promote --undo ocidir://public:v1 --key key.pub"), none);
    const counted = (text: string): number => text.split('"artifactType"').length;
    assert.equal(counted(await works(`discover ocidir://public@${digest} --json`)), counted(before));
  });

  test("as somebody that a token names", async () => {
    await works("promote ocidir://images:v1 ocidir://keyless:v1 --policy policy.yaml --key key.key");
    const digest = await works("digest ocidir://images:v1");
    const at = `--fulcio-url ${services.url} --rekor-url ${services.url}`;
    const asked = services.requests.length;
    await works(`promote --undo ocidir://keyless:v1 --key key.pub --keyless ${at} --dry-run`);
    assert.equal(services.requests.length, asked);
    await works(`promote --undo ocidir://keyless:v1 --key key.pub --keyless ${at}`);
    const who = `--certificate-identity ${ANN} --certificate-oidc-issuer ${ISSUER} --trusted-root root.json`;
    const statement = await works(`verify-attestation ocidir://keyless@${digest} ${who} --type ${UNDO_PREDICATE}`);
    const { predicate } = JSON.parse(statement) as { predicate: { by: unknown } };
    assert.deepEqual(predicate.by, { identity: ANN, issuer: ISSUER });
  });
});
