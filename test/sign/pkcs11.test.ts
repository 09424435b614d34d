import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { verify } from "node:crypto";
import { isOciError, type OciError } from "../../src/error/oci-error.ts";
import { createKeyVerifier } from "../../src/sign/key.ts";
import { answerAsPlugin } from "../../src/sign/pkcs11/notation-plugin.ts";
import { openTokenSigner } from "../../src/sign/pkcs11/token-signer.ts";
import { encodeJson, type JsonObject } from "../../src/spec/json.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { issue, issueChain, pemOf } from "./notation/authority.ts";
import { policyOf } from "./notation/scene.ts";
import { noToken, PIN, SoftToken } from "./token.ts";

const PLUGIN = join(import.meta.dirname, "../../bin/plugins/pkcs11/notation-pkcs11");

describe("keys of a PKCS #11 token", { skip: noToken }, () => {
  const scope = new AsyncDisposableStack();
  let folder: string;
  let token: SoftToken;
  let env: Record<string, string>;

  before(async () => {
    folder = scope.use(await workFolder()).path;
    token = await SoftToken.create(folder);
    env = { ...token.env, COSIGN_PKCS11_PIN: PIN };
    await token.generate("rsa:2048", "rsa", "01");
    await token.generate("EC:prime256v1", "p256", "02");
    await token.generate("EC:secp384r1", "p384", "03");
    await token.generate("EC:secp521r1", "p521", "04");
    await token.generate("EC:edwards25519", "ed25519", "05");
    await token.generate("EC:prime256v1", "twice", "06");
    await token.generate("EC:prime256v1", "twice", "07");
    await token.generate("EC:prime256v1", "x\n  ID:         01", "08");
  });
  after(() => scope.disposeAsync());

  const uri = (key: string): string => `pkcs11:token=berth%20test;${key}`;

  /** What opening and signing with a key comes to. */
  async function failure(reference: string, surroundings: Record<string, string> = env): Promise<OciError> {
    try {
      const signer = await openTokenSigner(reference, { env: surroundings });
      await signer.sign(Buffer.from("message"));
    } catch (error) {
      assert.ok(isOciError(error), String(error));
      assert.ok(!`${error.message} ${error.hint}`.includes(PIN), "a message shows the PIN");
      return error;
    }
    return assert.fail(`${reference} signed`);
  }

  for (const label of ["rsa", "p256", "p384", "p521"]) {
    test(`${label}: its signatures are those of a key in memory`, async () => {
      const signer = await openTokenSigner(uri(`object=${label}`), { env });
      const message = Buffer.alloc(100_000, label);
      const { bytes } = await signer.sign(message);
      const verifier = createKeyVerifier(signer.publicKey, label);
      assert.equal((await verifier.verify({ message, signature: bytes })).valid, true);
      assert.equal((await verifier.verify({ message: Buffer.from("other"), signature: bytes })).valid, false);
    });
  }

  test("a key is found by its label, its id or both, and only where it is the one", async () => {
    const [byLabel, byId, byBoth] = await Promise.all(
      ["object=p256", "id=%02", "object=p256;id=%02"].map((key) => openTokenSigner(uri(key), { env })),
    );
    assert.equal(byLabel?.keyId, byId?.keyId);
    assert.equal(byLabel?.keyId, byBoth?.keyId);
    assert.match((await failure(uri("object=twice"))).message, /has 2 private keys of the label twice/);
    assert.ok(await openTokenSigner(uri("object=twice;id=%07"), { env }));
    for (const key of ["object=absent", "id=%55", "object=p256;id=%01", "object=x"]) {
      assert.equal((await failure(uri(key))).code, "FILE_INVALID", key);
    }
    assert.equal((await failure(uri("object=ed25519"))).code, "UNSUPPORTED");
    assert.equal((await failure("pkcs11:token=absent;object=p256")).code, "IO");
  });

  test("many signatures at a time", async () => {
    const signer = await openTokenSigner(uri("object=p256"), { env });
    const messages = Array.from({ length: 12 }, (_, at) => Buffer.from(`message ${at}`));
    const signatures = await Promise.all(messages.map((message) => signer.sign(message)));
    for (const [at, { bytes }] of signatures.entries()) {
      assert.ok(verify("sha256", messages[at] ?? Buffer.alloc(0), signer.publicKey, bytes));
    }
  });

  test("the PIN and the library come from the environment or files, and are never shown", async () => {
    const file = join(folder, "pin");
    await writeFile(file, `${PIN}\n`);
    const { COSIGN_PKCS11_MODULE_PATH: module = "", COSIGN_PKCS11_PIN: _, ...bare } = env;
    const whole = `${uri("object=p256")}?module-path=${module}&pin-source=file:${file}`;
    assert.ok(await (await openTokenSigner(whole, { env: bare })).sign(Buffer.from("message")));
    assert.equal((await failure(uri("object=p256"), bare)).code, "USAGE");
    assert.equal((await failure(uri("object=p256"), { ...bare, COSIGN_PKCS11_MODULE_PATH: module })).code, "USAGE");
    const endless = `${uri("object=p256")}?module-path=${module}&pin-source=/dev/zero`;
    assert.equal((await failure(endless, bare)).code, "LIMIT_EXCEEDED");
    const wrong = await failure(uri("object=p256"), { ...env, COSIGN_PKCS11_PIN: "0000" });
    assert.equal(wrong.code, "DENIED");
    assert.match(wrong.message, /CKR_PIN_INCORRECT/);
    assert.equal((await failure(`${uri("object=p256")}?module-path=/absent.so`)).code, "IO");
    assert.equal((await failure(uri("object=p256"), { ...env, PATH: "/absent" })).code, "UNSUPPORTED");
  });

  test("the PIN is in no argument; a tool that hangs, floods or lies is found out", async () => {
    const bin = join(folder, "bin");
    await mkdir(bin);
    const tool = async (script: string): Promise<Record<string, string>> => {
      await writeFile(join(bin, "pkcs11-tool"), `#!/bin/sh\n${script}\n`);
      await chmod(join(bin, "pkcs11-tool"), 0o755);
      return { ...env, PATH: `${bin}:${env["PATH"] ?? ""}` };
    };
    const real = "/usr/bin/pkcs11-tool";
    const seen = join(folder, "arguments");
    const spied = await tool(`printf '%s\\n' "$@" >> ${seen}\nexec ${real} "$@"`);
    await (await openTokenSigner(uri("object=p256"), { env: spied })).sign(Buffer.from("message"));
    const text = await readFile(seen, "utf8");
    assert.match(text, /env:COSIGN_PKCS11_PIN/);
    assert.ok(!text.includes(PIN));

    const hanging = openTokenSigner(uri("object=p256"), { env: await tool("exec sleep 600"), timeout: 200 });
    await assert.rejects(hanging, /did not answer within 0.2 s/);
    assert.equal((await failure(uri("object=p256"), await tool("exec cat /dev/zero"))).code, "LIMIT_EXCEEDED");
    const leaking = await failure(uri("object=p256"), await tool('echo "error: $COSIGN_PKCS11_PIN" >&2; exit 1'));
    assert.match(leaking.message, /error: …/);
    // The listing is the token's, and the signature of another key.
    const other = await tool(`case "$*" in *--sign*) exec ${real} "$@" --id 06;; *) exec ${real} "$@";; esac`);
    assert.match((await failure(uri("object=p256"), other)).message, /does not verify/);
    const cut = new AbortController();
    const aborted = openTokenSigner(uri("object=p256"), { env: await tool("exec sleep 600"), signal: cut.signal });
    cut.abort(new Error("enough"));
    await assert.rejects(aborted, /enough/);
  });

  test("berth signs and verifies with --key pkcs11:…", async () => {
    await imageLayout(join(folder, "images"), ["v1"]);
    const line = async (...args: readonly string[]): Promise<string> => {
      const { code, out, err } = await inside(args, { cwd: folder, env });
      assert.equal(code, 0, err);
      return out;
    };
    await writeFile(join(folder, "p256.pub"), await line("key", "public", uri("object=p256")));
    for (const storage of ["referrer", "tag"]) {
      await line("sign", "ocidir://images:v1", "--key", uri("object=p256"), "--storage", storage);
    }
    await line("verify", "ocidir://images:v1", "--key", "p256.pub");
    await line("verify", "ocidir://images:v1", "--key", uri("object=p256"));
    const other = await inside(["verify", "ocidir://images:v1", "--key", uri("object=rsa")], { cwd: folder, env });
    assert.equal(other.code, 10);
    const imported = await inside(["key", "import", uri("object=rsa")], { cwd: folder, env });
    assert.match(imported.err, /never leaves it[^]*--plugin pkcs11/);
  });

  test("a promotion is signed by a key of a token, and undone by it; a policy's keys are none of a token", async () => {
    await imageLayout(join(folder, "built"), ["v1"]);
    const rules = "rules: [{ name: all, repositories: ['**'], require: [{ size: { max: 1MiB } }] }]";
    await writeFile(join(folder, "policy.yaml"), `version: 1\n${rules}\n`);
    const key = ["--key", uri("object=p256")];
    const lines = [
      ["promote", "ocidir://built:v1", "ocidir://released:v1", "--policy", "policy.yaml", ...key],
      ["promote", "--undo", "ocidir://released:v1", ...key],
    ];
    for (const line of lines) {
      const { code, err } = await inside(line, { cwd: folder, env });
      assert.equal(code, 0, `${line.join(" ")}\n${err}`);
    }
    const named = `${uri("object=p256")}?pin-source=file:///pin&module-path=/tmp/evil.so`;
    const policy = `version: 1
identities: { ours: { key: "${named}" } }
rules: [{ name: all, repositories: ["**"], require: [{ signature: { by: ours } }] }]
`;
    await writeFile(join(folder, "token.yaml"), policy);
    const { code, err } = await inside(["verify", "ocidir://built:v1", "--policy", "token.yaml"], { cwd: folder, env });
    assert.equal(code, 1);
    assert.match(err, /a policy loads no token's library/);
  });

  describe("as a plug-in of notation", () => {
    const run = async (command: string, request: JsonObject, surroundings: Record<string, string> = env) =>
      answerAsPlugin({ command, request: encodeJson(request), env: surroundings, version: "1.2.3" });
    const asked = (keyId: string, config: Record<string, string> = {}): JsonObject => ({
      contractVersion: "1.0",
      keyId,
      pluginConfig: config,
    });

    test("notation's signatures of every key, by berth sign --plugin", async () => {
      const kinds = ["RSA-2048", "RSA-3072", "P-256", "P-384", "P-521"] as const;
      for (const [at, kind] of kinds.entries()) {
        const { key, chain, root } = issueChain({ kind });
        await token.put(key, kind, `2${at}`);
        const layout = `notation-${kind}`;
        await imageLayout(join(folder, layout), ["v1"]);
        const certificates = await token.chain(`${kind}.pem`, chain);
        await mkdir(join(folder, `trust-${kind}`, "x509/ca/ours"), { recursive: true });
        await writeFile(join(folder, `trust-${kind}`, "x509/ca/ours/root.pem"), pemOf([root.raw]));
        const place = `ocidir://${layout}:v1`;
        const sign = ["sign", place, "--plugin", "pkcs11", "--key-id", uri(`object=${kind}`)];
        for (const format of ["jws", "cose"]) {
          const options = ["--signature-format", format, "--plugin-config", `certificates=${certificates}`];
          const signed = await inside([...sign, ...options], { cwd: folder, env });
          assert.equal(signed.code, 0, signed.err);
        }
        await writeFile(join(folder, "policy.json"), JSON.stringify(policyOf()));
        const trust = ["--trust-policy", "policy.json", "--trust-store"];
        const verified = await inside(["verify", place, ...trust, `trust-${kind}`, "--json"], { cwd: folder });
        assert.equal(verified.code, 0, verified.err);
        assert.equal(verified.out.match(/"valid":true/g)?.length, 2, verified.out);
        const [other] = kinds;
        if (kind === other) continue;
        assert.equal((await inside(["verify", place, ...trust, `trust-${other}`], { cwd: folder })).code, 10);
      }
    });

    test("metadata and the kinds of key", async () => {
      const { document } = await run("get-plugin-metadata", {});
      assert.deepEqual(
        { ...document, description: "", url: "" },
        {
          name: "pkcs11",
          description: "",
          url: "",
          version: "1.2.3",
          supportedContractVersions: ["1.0"],
          capabilities: ["SIGNATURE_GENERATOR.RAW"],
        },
      );
      const specs = { rsa: "RSA-2048", p256: "EC-256", p384: "EC-384", p521: "EC-521" };
      for (const [label, keySpec] of Object.entries(specs)) {
        const keyId = uri(`object=${label}`);
        assert.deepEqual(await run("describe-key", asked(keyId)), { exitCode: 0, document: { keyId, keySpec } });
      }
    });

    test("one certificate on the token will do where nobody else issued it", async () => {
      const { key, raw } = issue();
      await token.put(key, "alone", "30", raw);
      const issued = issueChain();
      await token.put(issued.key, "issued", "31", issued.raw);
      const request = { keySpec: "EC-256", hashAlgorithm: "SHA-256", payload: Buffer.from("x").toString("base64") };
      const alone = await run("generate-signature", { ...asked(uri("object=alone")), ...request });
      assert.deepEqual(alone.document["certificateChain"], [Buffer.from(raw).toString("base64")]);
      const rest = await run("generate-signature", { ...asked(uri("object=issued")), ...request });
      assert.equal(rest.document["errorCode"], "VALIDATION_ERROR");
      assert.match(JSON.stringify(rest.document), /--plugin-config certificates=FILE/);
      const others = await token.chain("others.pem", issued.chain);
      const wrong = await run("generate-signature", {
        ...asked(uri("object=alone"), { certificates: others }),
        ...request,
      });
      assert.match(JSON.stringify(wrong.document), /is not that of the key/);
    });

    test("what it cannot do it says in the protocol's words", async () => {
      const code = async (...args: Parameters<typeof run>): Promise<unknown> => {
        const { exitCode, document } = await run(...args);
        assert.equal(exitCode, 1);
        return document["errorCode"];
      };
      const key = uri("object=p256");
      assert.equal(await code("verify-signature", asked(key)), "VALIDATION_ERROR");
      assert.equal(await code("describe-key", { ...asked(key), contractVersion: "2.0" }), "VALIDATION_ERROR");
      assert.equal(await code("describe-key", asked("release")), "VALIDATION_ERROR");
      assert.equal(await code("describe-key", asked(key, { pin: "1" })), "VALIDATION_ERROR");
      assert.equal(await code("describe-key", asked(uri("object=ed25519"))), "VALIDATION_ERROR");
      assert.equal(await code("describe-key", asked(key), { ...env, COSIGN_PKCS11_PIN: "0000" }), "ACCESS_DENIED");
      assert.equal(await code("describe-key", asked(key), { ...env, PATH: "/absent" }), "ERROR");
      const request = { payload: "eA==", keySpec: "EC-384", hashAlgorithm: "SHA-384" };
      assert.equal(await code("generate-signature", { ...asked(key), ...request }), "VALIDATION_ERROR");
    });
  });
});

test("the plug-in lies where plug-ins are looked for", async () => {
  assert.deepEqual(await readdir(join(PLUGIN, "..")), ["notation-pkcs11"]);
});
