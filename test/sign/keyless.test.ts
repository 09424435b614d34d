import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Exit } from "../../src/error/code.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { imageLayout, layoutOf, workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { ANN, BOB, type BundleDocument, certificateIn, pemOf } from "./keyless-scene.ts";
import { ISSUER, openServices, type SigstoreServices, tokenOf } from "./sigstore-services.ts";

/** Of a plain file. */
interface FileBundle {
  readonly messageSignature: { readonly signature: string };
  readonly verificationMaterial: {
    readonly tlogEntries: readonly {
      readonly logIndex: string;
      readonly integratedTime: string;
      readonly canonicalizedBody: string;
      readonly logId: { readonly keyId: string };
      readonly inclusionPromise: { readonly signedEntryTimestamp: string };
    }[];
  };
}

const WHO = `--certificate-identity ${ANN} --certificate-oidc-issuer ${ISSUER}`;
const TRUST = "--trusted-root root.json";

describe("signing by an identity instead of a key", () => {
  const owned = new AsyncDisposableStack();
  let services: SigstoreServices;
  let registry = "";
  let cwd = "";

  const go = (line: string, env: Readonly<Record<string, string>> = {}): Promise<RanInside> =>
    inside(line.split(" "), { cwd, env: { SIGSTORE_ID_TOKEN: tokenOf(ANN), ...env } });
  const ok = async (line: string, env?: Readonly<Record<string, string>>): Promise<string> => {
    const { code, out, err } = await go(line, env);
    assert.equal(code, 0, `${line}\n${err}`);
    return out.trim();
  };
  const fails = async (line: string, exit: number, message: RegExp, env?: Record<string, string>): Promise<void> => {
    const { code, err, out } = await go(line, env);
    assert.equal(code, exit, `${line}\n${out}\n${err}`);
    assert.match(`${out}\n${err}`, message);
  };
  const at = (): string => `--fulcio-url ${services.url} --rekor-url ${services.url}`;

  before(async () => {
    services = owned.use(await openServices());
    const server = await serve({ registry: owned.use(createMemoryRegistry()), host: "127.0.0.1", port: 0 });
    owned.defer(() => server.close(0));
    registry = new URL(server.url).host;
  });
  beforeEach(async () => {
    cwd = owned.use(await workFolder()).path;
    await imageLayout(join(cwd, "images"), ["v1"]);
    await writeFile(join(cwd, "root.json"), services.rootBytes);
    await writeFile(join(cwd, "predicate.json"), '{"passed":true}');
    services.requests.length = 0;
  });
  after(() => owned.disposeAsync());

  test("in a layout, copied to a registry: signatures and attestations verify in both, and nobody is asked", async () => {
    const layout = "ocidir://images:v1";
    const remote = `${registry}/app:v1`;
    const type = "https://example.com/tested/v1";
    await ok(`sign ${layout} --keyless ${at()} -a env=prod`);
    await ok(`attest ${layout} --keyless ${at()} --type ${type} --predicate predicate.json`);
    await ok(`copy ${layout} ${remote}`);
    const asked = services.requests.length;
    for (const place of [layout, remote]) {
      await ok(`verify ${place} ${WHO} ${TRUST} -a env=prod`);
      const statement = await ok(`verify-attestation ${place} ${WHO} ${TRUST} --type ${type}`);
      assert.deepEqual((JSON.parse(statement) as { predicate: unknown }).predicate, { passed: true });
      await fails(`verify ${place} ${WHO} ${TRUST} -a env=test`, Exit.Unverified, /should claim env=test/);
      const bob = WHO.replace(ANN, BOB);
      await fails(`verify ${place} ${bob} ${TRUST}`, Exit.Unverified, /its identity is "ann@example.com"/);
      await fails(`verify-attestation ${place} ${bob} ${TRUST}`, Exit.Unverified, /its identity is/);
      await fails(`verify-attestation ${place} ${WHO} ${TRUST} --type other:x`, Exit.Unverified, /not other:x/);
    }
    assert.equal(services.requests.length, asked);
    await ok(`sign ${remote} --keyless ${at()} -a made=there`);
    await ok(`verify ${remote} ${WHO} ${TRUST} -a made=there`);
  });

  test("signatures tells whom they name, and when; verify who they are by", async () => {
    await ok(`sign ocidir://images:v1 --keyless ${at()}`);
    const said = await ok("signatures ocidir://images:v1");
    assert.match(said, /said to be by ann@example\.com \(https:\/\/token\.example\.com\) {2}\S+ {2}\d{4}-\d\d-\d\dT/);
    const listed = JSON.parse(await ok("signatures ocidir://images:v1 --json")) as {
      signatures: { claimedIdentity: Record<string, string>; valid: boolean }[];
    }[];
    const [signature] = listed[0]?.signatures ?? [];
    const { loggedAt, ...identity } = signature?.claimedIdentity ?? {};
    assert.deepEqual(identity, { subject: ANN, issuer: ISSUER });
    assert.ok(Math.abs(Date.parse(loggedAt ?? "") - Date.now()) < 600_000);
    assert.equal(signature?.valid, false);
    assert.match(await ok(`signatures ocidir://images:v1 ${WHO} ${TRUST}`), /counts .* by ann@example\.com/);
    const [report] = JSON.parse(await ok(`verify ocidir://images:v1 ${WHO} ${TRUST} --json`)) as {
      signers: { label: string; signedAt: string }[];
    }[];
    assert.equal(report?.signers[0]?.label, `${ANN} (${ISSUER})`);
    assert.equal(report?.signers[0]?.signedAt, loggedAt);
  });

  test("keys and identities count together, each once", async () => {
    const env = { COSIGN_PASSWORD: "secret" };
    await ok("key generate -o key", env);
    await ok("sign ocidir://images:v1 --key key.key", env);
    for (const who of [ANN, ANN]) {
      await ok(`sign ocidir://images:v1 --keyless ${at()}`, { SIGSTORE_ID_TOKEN: tokenOf(who) });
    }
    const both = `verify ocidir://images:v1 --key key.pub ${WHO} ${TRUST}`;
    await ok(`${both} --threshold 2`);
    await fails(`${both} --threshold 3`, Exit.Usage, /as many keys or identities, got 2/);
    await fails(`${both} --certificate-identity ${BOB} --threshold 3`, Exit.Unverified, /fewer than 3/);
  });

  test("plain files", async () => {
    await ok(`sign --file predicate.json --bundle file.json --keyless ${at()}`);
    const bundle = JSON.parse(await readFile(join(cwd, "file.json"), "utf8")) as BundleDocument;
    assert.equal(bundle.mediaType, "application/vnd.dev.sigstore.bundle.v0.3+json");
    assert.equal(bundle.verificationMaterial.tlogEntries?.length, 1);
    await ok(`verify --file predicate.json --bundle file.json ${WHO} ${TRUST}`);
    await fails(`verify --file root.json --bundle file.json ${WHO} ${TRUST}`, Exit.Unverified, /another file/);
    // The same as cosign 2 wrote it, before there were bundles.
    const { messageSignature, verificationMaterial } = bundle as unknown as FileBundle;
    const [entry = assert.fail()] = verificationMaterial.tlogEntries;
    const older = {
      base64Signature: messageSignature.signature,
      cert: Buffer.from(pemOf(certificateIn(bundle))).toString("base64"),
      rekorBundle: {
        SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
        Payload: {
          body: entry.canonicalizedBody,
          integratedTime: Number(entry.integratedTime),
          logIndex: Number(entry.logIndex),
          logID: Buffer.from(entry.logId.keyId, "base64").toString("hex"),
        },
      },
    };
    await writeFile(join(cwd, "older.json"), JSON.stringify(older));
    await ok(`verify --file predicate.json --bundle older.json ${WHO} ${TRUST}`);
    await fails(`verify --file root.json --bundle older.json ${WHO} ${TRUST}`, Exit.Unverified, /digest mismatch/);
    const { rekorBundle: _log, ...unlogged } = older;
    await writeFile(join(cwd, "older.json"), JSON.stringify(unlogged));
    await fails(`verify --file predicate.json --bundle older.json ${WHO} ${TRUST}`, Exit.Unverified, /got 0/);
    const bob = WHO.replace(ANN, BOB);
    await fails(`verify --file predicate.json --bundle file.json ${bob} ${TRUST}`, Exit.Unverified, /its identity/);
  });

  test("identity and issuer are both demanded, and nothing goes with neither", async () => {
    const verify = `verify ocidir://images:v1 ${TRUST}`;
    await fails(
      `${verify} --certificate-identity ${ANN}`,
      Exit.Usage,
      /Expected exactly one --certificate-oidc-issuer/,
    );
    await fails(`${verify} --certificate-identity-regexp .*`, Exit.Usage, /--certificate-oidc-issuer/);
    await fails(`${verify} --certificate-oidc-issuer ${ISSUER}`, Exit.Usage, /Expected --certificate-identity/);
    await fails(`${verify} ${WHO} --certificate-oidc-issuer-regexp .*`, Exit.Usage, /exactly one/);
    await fails(verify, Exit.Usage, /with --trusted-root/);
    await fails(`${verify} ${WHO} --certificate-identity-regexp (`, Exit.Usage, /Invalid regular expression/);
    await fails("verify ocidir://images:v1", Exit.Usage, /Expected --key, or --certificate-identity/);
    await inside(["verify", "ocidir://images:v1", "--certificate-identity", "", ...WHO.split(" ").slice(2)], {
      cwd,
    }).then(({ code }) => assert.equal(code, Exit.Usage));
    await ok(`sign ocidir://images:v1 --keyless ${at()}`);
    await ok(`${verify} --certificate-identity-regexp .*@example\\.com --certificate-oidc-issuer-regexp https://.*`);
  });

  test("a timestamp instead of a log, where whoever verifies says so", async () => {
    const stamped = `--no-tlog-upload --timestamp-server-url ${services.url}`;
    await ok(`sign ocidir://images:v1 --keyless --fulcio-url ${services.url} ${stamped}`);
    assert.ok(services.requests.every(({ path }) => !path.includes("/log/")));
    await fails(`verify ocidir://images:v1 ${WHO} ${TRUST}`, Exit.Unverified, /expected 1 tlog entries/);
    await ok(`verify ocidir://images:v1 ${WHO} ${TRUST} --insecure-ignore-tlog`);
    await fails(`sign ocidir://images:v1 --keyless --no-tlog-upload ${at()}`, Exit.Usage, /timestamp authority/);
  });

  test("services as a signing configuration names them", async () => {
    const service = {
      url: services.url,
      majorApiVersion: 1,
      validFor: { start: "2020-01-01T00:00:00Z" },
      operator: "x",
    };
    const over = {
      ...service,
      url: "https://gone.example.com",
      validFor: { ...service.validFor, end: "2021-01-01T00:00:00Z" },
    };
    const config = {
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: [over, service],
      rekorTlogUrls: [{ ...over, majorApiVersion: 3 }, service],
      rekorTlogConfig: { selector: "ANY" },
      tsaUrls: [service],
      tsaConfig: { selector: "EXACT", count: 1 },
    };
    await writeFile(join(cwd, "services.json"), JSON.stringify(config));
    await ok("sign ocidir://images:v1 --keyless --signing-config services.json");
    assert.deepEqual(services.requests.map(({ path }) => path).toSorted(), [
      "/api/v1/log/entries",
      "/api/v1/timestamp",
      "/api/v2/signingCert",
    ]);
    await ok(`verify ocidir://images:v1 ${WHO} ${TRUST}`);
    await writeFile(join(cwd, "few.json"), JSON.stringify({ ...config, tsaConfig: { selector: "EXACT", count: 2 } }));
    await fails("sign ocidir://images:v1 --keyless --signing-config few.json", Exit.Usage, /asks for 2 timestamp/);
    await writeFile(join(cwd, "none.json"), "{}");
    await fails("sign ocidir://images:v1 --keyless --signing-config none.json", Exit.Usage, /no certificate authority/);
  });

  test("a log of version 2 gives no time, so a timestamp has to", async () => {
    const service = {
      url: services.url,
      majorApiVersion: 2,
      validFor: { start: "2020-01-01T00:00:00Z" },
      operator: "x",
    };
    const config = {
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: [{ ...service, majorApiVersion: 1 }],
      rekorTlogUrls: [{ ...service, majorApiVersion: 1 }, service],
      rekorTlogConfig: { selector: "ANY" },
    };
    await writeFile(join(cwd, "log.json"), JSON.stringify(config));
    const sign = "sign ocidir://images:v1 --keyless --signing-config log.json";
    await ok(sign);
    assert.ok(services.requests.some(({ path }) => path === "/api/v2/log/entries"));
    await fails(`verify ocidir://images:v1 ${WHO} ${TRUST}`, Exit.Unverified, /expected 1 timestamps, got 0/);
    await ok(`${sign} --timestamp-server-url ${services.url}`);
    await ok(`verify ocidir://images:v1 ${WHO} ${TRUST}`);
    const stamped = `--keyless --signing-config log.json --timestamp-server-url ${services.url}`;
    await ok(`sign --file predicate.json --bundle file.json ${stamped}`);
    await ok(`verify --file predicate.json --bundle file.json ${WHO} ${TRUST}`);
  });

  test("cosign 2's tags have no place for it, and nothing is left behind", async () => {
    await fails(`sign ocidir://images:v1 --keyless ${at()} --storage tag`, Exit.Failed, /cannot be stored under/);
    assert.equal(await ok("tag ls ocidir://images"), "v1");
  });

  test("one certificate serves many signatures", async () => {
    await layoutOf(join(cwd, "images"), 10, "v2");
    await layoutOf(join(cwd, "images"), 20, "v3");
    await ok(`sign ocidir://images:v1 ocidir://images:v2 ocidir://images:v3 --keyless ${at()}`);
    const count = (path: string): number => services.requests.filter((request) => request.path === path).length;
    assert.equal(count("/api/v2/signingCert"), 1);
    assert.equal(count("/api/v1/log/entries"), 3);
    for (const tag of ["v1", "v2", "v3"]) await ok(`verify ocidir://images:${tag} ${WHO} ${TRUST}`);
  });

  test("--dry-run asks nobody and writes nothing", async () => {
    const said = await ok(`sign ocidir://images:v1 --keyless ${at()} --dry-run --json`);
    assert.match(said, /"identity": ?"ann@example\.com"/);
    assert.deepEqual(services.requests, []);
    assert.match(await ok("signatures ocidir://images:v1"), /0 signatures/);
  });
});
