import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isOciError } from "../../../src/error/oci-error.ts";
import type { ErrorCode } from "../../../src/error/code.ts";
import { Plugin } from "../../../src/sign/notation/plugin.ts";
import { openPluginSigner } from "../../../src/sign/notation/plugin-signer.ts";
import { signWithNotation } from "../../../src/sign/notation/sign-notation.ts";
import { openSigned } from "../scene.ts";
import { issueChain, pemOf } from "./authority.ts";
import { FORMATS, reasonOf, storeOf, verifyBy } from "./scene.ts";

const holder = issueChain();
const [RAW, ENVELOPE] = ["com.example.raw", "com.example.envelope"];

describe("a plug-in of notation", () => {
  let directory = "";
  // The plug-in's first line asks for node: the one that runs the tests.
  const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
  const find = (name: string, timeout?: number): Promise<Plugin> =>
    Plugin.find(name, { directories: [directory], env, ...(timeout === undefined ? {} : { timeout }) });
  const sign = async (name: string, behaviour = "well", format: (typeof FORMATS)[number] = "jws", timeout?: number) => {
    const signed = await openSigned();
    const plugin = await find(name, timeout);
    const signer = await openPluginSigner({ plugin, keyId: "key 1", config: { behaviour } }, {});
    await signWithNotation({
      subjects: [{ target: signed.store, descriptor: signed.subject }],
      signer,
      format,
      annotations: { build: "42" },
      expiresIn: 60_000,
    });
    return signed;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "berth-plugins-"));
    for (const name of [RAW, ENVELOPE]) {
      const folder = join(directory, name);
      await mkdir(folder);
      const program = join(folder, `notation-${name}`);
      await copyFile(join(import.meta.dirname, "notation-plugin.cjs"), program);
      await chmod(program, 0o755);
      await writeFile(join(folder, "key.pem"), holder.key.export({ type: "pkcs8", format: "pem" }));
      await writeFile(join(folder, "chain.pem"), pemOf(holder.chain));
    }
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const format of FORMATS) {
    test(`that gives bare signatures signs ${format}`, async () => {
      const signed = await sign(RAW, "well", format);
      const report = await verifyBy(signed, { store: storeOf(holder.root), claims: { build: "42" } });
      assert.equal(report.verified, true, reasonOf(report));
      assert.ok(report.signatures[0]?.claimedIdentity?.expiresAt);
    });
  }

  test("that makes envelopes signs, and says something beside it, but not what berth says itself", async () => {
    const signed = await sign(ENVELOPE);
    const report = await verifyBy(signed, { store: storeOf(holder.root), claims: { build: "42" } });
    assert.equal(report.verified, true, reasonOf(report));
    const { annotations = {}, claimedIdentity } = report.signatures[0] ?? {};
    assert.ok(claimedIdentity?.expiresAt);
    assert.equal(annotations["com.example.note"], "by a plug-in");
    assert.doesNotMatch(annotations["org.opencontainers.image.created"] ?? "", /^1999/);
  });

  const FAILURES: readonly (readonly [string, string, ErrorCode, RegExp])[] = [
    [RAW, "hangs", "PROTOCOL", /did not answer get-plugin-metadata within 2 s/],
    [RAW, "floods", "PROTOCOL", /printed more than/],
    [RAW, "nonsense", "PROTOCOL", /answer of the plug-in/],
    [RAW, "fails", "PROTOCOL", /exit code 1: VALIDATION_ERROR, "no such key \\u001b\[31m"/],
    [RAW, "denies", "DENIED", /refused get-plugin-metadata: ACCESS_DENIED, "not you"/],
    [RAW, "misnamed", "PROTOCOL", /calls itself "another"/],
    [RAW, "newer", "PROTOCOL", /speaks the contract \["2.0"\], not 1\.0/],
    [RAW, "verifies", "PROTOCOL", /does not sign/],
    [RAW, "otherkey", "PROTOCOL", /answered for the key "other"/],
    [RAW, "oddkey", "PROTOCOL", /has a key that notation does not sign with: "RSA-1024"/],
    [RAW, "weaker", "PROTOCOL", /answered for the algorithm "ECDSA-SHA-1"/],
    [RAW, "nochain", "PROTOCOL", /gave no chain/],
    [RAW, "changes", "MANIFEST_INVALID", /not by the key of its certificate/],
    [ENVELOPE, "changes", "MANIFEST_INVALID", /it is of sha256:0+, not of/],
    [ENVELOPE, "unclaims", "FILE_INVALID", /did not sign the claim build/],
    [ENVELOPE, "othertype", "PROTOCOL", /answered for the type "application\/cose"/],
  ];
  for (const [name, behaviour, code, reason] of FAILURES) {
    test(`${name} that ${behaviour}`, async () => {
      await assert.rejects(sign(name, behaviour, "jws", behaviour === "hangs" ? 2000 : undefined), (error) => {
        assert.ok(isOciError(error, code), String(error));
        assert.match(error.message, reason);
        return true;
      });
    });
  }

  test("that makes JWS alone is not taken for one that makes COSE", async () => {
    await assert.rejects(sign(ENVELOPE, "well", "cose"), (error) => isOciError(error, "MANIFEST_INVALID"));
  });

  test("that is not there, and names that are none", async () => {
    await assert.rejects(find("missing"), (error) => isOciError(error, "FILE_INVALID"));
    for (const name of ["../raw", "a/b", "", "..", "a b", "a..b", ".hidden", "a\0b", "$(id)"]) {
      await assert.rejects(find(name), (error) => isOciError(error, "USAGE"), name);
    }
  });

  test("that cannot be started", async () => {
    const folder = join(directory, "plain");
    await mkdir(folder);
    await writeFile(join(folder, "notation-plain"), "no program", { mode: 0o644 });
    const plugin = await find("plain");
    await assert.rejects(plugin.ask("get-plugin-metadata", {}, {}), (error) => isOciError(error, "PROTOCOL"));
  });

  test("that waits is ended with the command", async () => {
    const plugin = await find(RAW);
    const abort = new AbortController();
    const asking = plugin.ask("describe-key", { pluginConfig: { behaviour: "hangs" } }, { signal: abort.signal });
    abort.abort(new Error("interrupted"));
    await assert.rejects(asking, /interrupted/);
  });
});
