import assert from "node:assert/strict";
import { chmod, cp, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { imageLayout, workFolder } from "../../cli/fixture.ts";
import { inside, type RanInside } from "../../cli/inside.ts";
import { serveClock, issueClock } from "./clock.ts";
import { policyOf } from "./scene.ts";
import { writeTrustFiles } from "./trust-files.ts";

const KEY = "--key signer.key --certificate signer.pem";
const TRUST = "--trust-policy trustpolicy.json --trust-store truststore";

describe("notation on the command line", () => {
  let folder: Awaited<ReturnType<typeof workFolder>>;
  let cwd = "";
  const run = (line: string, env: Record<string, string> = {}): Promise<RanInside> =>
    inside(line.split(" "), { cwd, env });
  const works = async (line: string, env: Record<string, string> = {}): Promise<string> => {
    const { code, out, err } = await run(line, env);
    assert.equal(code, 0, `${line}\n${out}${err}`);
    return out;
  };

  before(async () => {
    folder = await workFolder();
    cwd = folder.path;
    await imageLayout(join(cwd, "images"), ["v1"]);
    await writeTrustFiles(cwd);
    await works("image create ocidir://images:v2 --layer signer.pem:/");
    await works(`sign ocidir://images:v1 ${KEY} --signature-format cose -a team=web`);
  });
  after(() => folder[Symbol.asyncDispose]());

  test("what was signed is told as JSON, and verified as such", async () => {
    const [report] = JSON.parse(await works(`verify ocidir://images:v1 ${TRUST} -a team=web --json`)) as [
      { verified: boolean; signers: { id: string; label: string }[]; signatures: { kind: string; valid: boolean }[] },
    ];
    assert.equal(report.verified, true);
    assert.equal(report.signers[0]?.id, "x509:CN=signer,O=example.com,ST=WA,C=US");
    assert.deepEqual(
      report.signatures.map(({ kind, valid }) => `${kind} ${valid}`),
      ["notation-cose true"],
    );
    const listed = await works("signatures ocidir://images:v1");
    assert.match(listed, /notation-cose .* said to be by CN=signer,O=example.com,ST=WA,C=US \(CN=middle/);
    const judged = await works(`signatures ocidir://images:v1 ${TRUST}`);
    assert.match(judged, /counts {2}notation-cose/);
  });

  test("an image without a signature is not verified", async () => {
    const { code, err } = await run(`verify ocidir://images:v2 ${TRUST}`);
    assert.equal(code, 10);
    assert.match(err, /there is no signature/);
  });

  test("a dry run signs nothing", async () => {
    assert.match(await works(`sign ocidir://images:v2 ${KEY} --dry-run`), /would sign .*notation-jws/);
    assert.equal((await run(`verify ocidir://images:v2 ${TRUST}`)).code, 10);
  });

  test("one of several keys may be notation's; a key vouches for none of notation's", async () => {
    await works("key generate -o own", { COSIGN_PASSWORD: "" });
    await works("copy ocidir://images:v1 ocidir://mixed:v1");
    assert.equal((await run("verify ocidir://mixed:v1 --key own.pub")).code, 10);
    await works("sign ocidir://mixed:v1 --key own.key", { COSIGN_PASSWORD: "" });
    await works("verify ocidir://mixed:v1 --key own.pub");
    await works(`verify ocidir://mixed:v1 --key own.pub ${TRUST} --threshold 2`);
    assert.equal((await run(`verify ocidir://mixed:v1 ${TRUST} --threshold 2`)).code, 10);
    assert.equal((await run(`verify ocidir://mixed:v1 --key own.pub ${TRUST} --threshold 3`)).code, 10);
  });

  test("a scope chooses the statement; skip verifies nothing and says so", async () => {
    const scoped = policyOf({ registryScopes: ["example.com/app"] }) as { trustPolicies: unknown[] };
    scoped.trustPolicies.push({
      name: "none",
      registryScopes: ["example.com/skipped"],
      signatureVerification: { level: "skip" },
    });
    await writeFile(join(cwd, "scoped.json"), JSON.stringify(scoped));
    const trust = "--trust-policy scoped.json --trust-store truststore";
    assert.equal((await run(`verify ocidir://images:v1 ${trust}`)).code, 10);
    await works(`verify ocidir://images:v1 ${trust} --scope example.com/app`);
    const skipping = `verify ocidir://images:v2 ${trust} --scope example.com/skipped`;
    assert.match(await works(skipping), /^skipped .*the trust policy "none" says skip: nothing was verified/);
    const [report] = JSON.parse(await works(`${skipping} --json`)) as [{ verified: boolean; skipped: boolean }];
    assert.deepEqual([report.verified, report.skipped], [false, true]);
    assert.equal(await works(`${skipping} -q`), "");
    await works("key generate -o other", { COSIGN_PASSWORD: "" });
    // Somebody else is trusted as well: that nothing has to be verified is no answer to whether they signed.
    assert.equal((await run(`${skipping} --key other.pub`)).code, 10);
  });

  test("notation's own files count where nothing else is given", async () => {
    const own = join(cwd, "config/notation");
    await mkdir(own, { recursive: true });
    const env = { XDG_CONFIG_HOME: join(cwd, "config") };
    const without = await run("verify ocidir://images:v1", env);
    assert.equal(without.code, 2);
    assert.match(without.err, /Expected --key/);
    await cp(join(cwd, "truststore"), join(own, "truststore"), { recursive: true });
    await cp(join(cwd, "trustpolicy.json"), join(own, "trustpolicy.json"));
    await works("verify ocidir://images:v1", env);
    await works("verify ocidir://images:v1", { NOTATION_CONFIG: own });
    await writeFile(join(own, "trustpolicy.oci.json"), "{}");
    assert.equal((await run("verify ocidir://images:v1", env)).code, 2);
    await rename(join(own, "trustpolicy.oci.json"), join(own, "trustpolicy.none"));
    // An attestation is none of its business.
    assert.equal((await run("verify-attestation ocidir://images:v1", env)).code, 2);
  });

  test("by a plug-in", async () => {
    const home = join(cwd, "plugins/com.example.raw");
    await mkdir(home, { recursive: true });
    const program = join(home, "notation-com.example.raw");
    await cp(join(import.meta.dirname, "notation-plugin.cjs"), program);
    await chmod(program, 0o755);
    await cp(join(cwd, "signer.key"), join(home, "key.pem"));
    await cp(join(cwd, "signer.pem"), join(home, "chain.pem"));
    await works("copy ocidir://images:v2 ocidir://plugged:v1");
    const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
    const line = "sign ocidir://plugged:v1 --plugin com.example.raw --key-id k --plugin-directory plugins";
    await works(`${line} --plugin-config behaviour=well`, env);
    await works(`verify ocidir://plugged:v1 ${TRUST}`);
    const denied = await run(`${line} --plugin-config behaviour=denies`, env);
    assert.equal(denied.code, 4, denied.err);
  });

  test("with a timestamp", async () => {
    await using clock = await serveClock(issueClock());
    await works("copy ocidir://images:v2 ocidir://timed:v1");
    await works(`sign ocidir://timed:v1 ${KEY} --timestamp-server-url ${clock.url}`);
    await works(`verify ocidir://timed:v1 ${TRUST}`);
    const elsewhere = await run(`sign ocidir://timed:v1 ${KEY} --timestamp-server-url http://example.com`);
    assert.equal(elsewhere.code, 2);
  });

  for (const [line, reason] of [
    ["sign ocidir://images:v1 --key signer.key --expiry 1h", /Expected --certificate or --plugin with --expiry/],
    ["sign ocidir://images:v1 --key signer.key --signature-format jws", /Expected --certificate or --plugin/],
    ["sign ocidir://images:v1 --certificate signer.pem", /Expected --key with --certificate/],
    [`sign ocidir://images:v1 ${KEY} --key-id k`, /Expected --plugin with --key-id/],
    [`sign ocidir://images:v1 ${KEY} --plugin p --key-id k`, /either --plugin, which has the key/],
    ["sign ocidir://images:v1 --plugin p", /Expected --key-id with --plugin/],
    ["sign ocidir://images:v1 --plugin ../p --key-id k --plugin-directory .", /Invalid name of a plug-in/],
    ["sign ocidir://images:v1 --plugin p --key-id k --plugin-directory .", /There is no plug-in p/],
    [`sign ocidir://images:v1 ${KEY} --storage tag`, /Expected --storage referrer/],
    [`sign ocidir://images:v1 ${KEY} --keyless`, /either --keyless or --certificate/],
    [`sign ocidir://images:v1 ${KEY} -a io.cncf.notary.x=1`, /cannot begin with io\.cncf\.notary/],
    [
      "sign --file signer.pem --bundle b --key signer.key --certificate signer.pem",
      /Expected no --certificate with --file/,
    ],
    [`verify --file signer.pem --bundle b --key k ${TRUST}`, /no trust policy of notation with --file/],
    ["verify ocidir://images:v1 --trust-store truststore", /Expected --trust-policy/],
    ["verify ocidir://images:v1 --key own.pub --scope a.com/b", /Expected --trust-policy/],
    ["verify ocidir://images:v1 --trust-policy signer.pem --trust-store truststore", /Invalid trust policy/],
    ["verify ocidir://images:v1 --trust-policy trustpolicy.json --trust-store images", /no trust store ca:ours/],
  ] as const) {
    test(`${line} is refused`, async () => {
      const { code, err } = await run(line);
      assert.notEqual(code, 0);
      assert.notEqual(code, 10);
      assert.match(err, reason);
    });
  }
});
