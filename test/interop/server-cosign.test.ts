import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, digestAt, referrerTypes, type Setting, seedImage, tagsOf, withClient } from "./client.ts";

const COSIGN: Client = {
  name: "cosign",
  program: "cosign",
  version: { args: ["version"], pattern: /GitVersion:\s+v?(\S+)/ },
  install: "go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2",
};
const COSIGN_2: Client = {
  ...COSIGN,
  name: "cosign 2",
  program: "cosign2",
  install: "go install github.com/sigstore/cosign/v2/cmd/cosign@v2.6.4, renamed to cosign2",
};
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PLAIN = "--allow-http-registry";
const KEY = ["--key", "cosign.key"];
const PUBLIC = ["--key", "cosign.pub", "--insecure-ignore-tlog"];

/** A key pair, an image to sign, and something to say of it. */
async function prepare({ host, folder, run }: Setting): Promise<{ readonly app: string; readonly digest: string }> {
  await run("generate-key-pair");
  await writeFile(join(folder, "predicate.json"), '{"tested":true}');
  const digest = await seedImage(host, "app", "v1");
  return { app: `${host}/app@${digest}`, digest };
}

/** Whoever holds another key verifies nothing. */
async function otherKeyFails(setting: Setting, command: string, app: string): Promise<void> {
  await setting.run("generate-key-pair", "--output-key-prefix", "other");
  await assert.rejects(setting.run(command, PLAIN, "--key", "other.pub", "--insecure-ignore-tlog", app));
}

withClient(COSIGN, async (setting) => {
  const { host, run, operation } = setting;
  const { app, digest } = await prepare(setting);
  // Without services: nothing is sent to a transparency log.
  await run("signing-config", "create", "--out", "services.json");
  const sign = [PLAIN, ...KEY, "--signing-config", "services.json"];

  await operation("sign", "sign", async () => {
    await run("sign", ...sign, app);
    assert.deepEqual(await referrerTypes(host, "app", digest), [BUNDLE]);
    assert.deepEqual(await tagsOf(host, "app"), ["v1"]);
  });
  await operation("attach", "attest", async () => {
    await run("attest", ...sign, "--predicate", "predicate.json", "--type", "custom", app);
    assert.deepEqual(await referrerTypes(host, "app", digest), [BUNDLE, BUNDLE]);
  });
  await operation("verify", "verify, verify-attestation", async () => {
    assert.ok((await run("verify", PLAIN, ...PUBLIC, app)).includes(digest));
    assert.ok((await run("verify-attestation", PLAIN, ...PUBLIC, "--type", "custom", app)).includes("payload"));
    await otherKeyFails(setting, "verify", app);
  });
  await operation("discover", "tree, download attestation", async () => {
    assert.match(await run("tree", PLAIN, app), /via OCI referrer/);
    assert.match(await run("download", "attestation", PLAIN, app), /payload|dsse/i);
  });
  await operation("delete", "clean", async () => {
    await run("clean", PLAIN, "-f", "--type", "all", app);
    assert.deepEqual(await referrerTypes(host, "app", digest), []);
    assert.equal(await digestAt(host, "app", "v1"), digest);
  });
});

withClient(COSIGN_2, async (setting) => {
  const { host, run, operation } = setting;
  const { app, digest } = await prepare(setting);
  const tag = digest.replace(":", "-");
  const sign = [PLAIN, ...KEY, "--tlog-upload=false", "-y"];

  await operation("sign", "sign", async () => {
    await run("sign", ...sign, app);
    assert.deepEqual(await tagsOf(host, "app"), [`${tag}.sig`, "v1"]);
  });
  await operation("attach", "attest, attach sbom", async () => {
    await run("attest", ...sign, "--predicate", "predicate.json", "--type", "custom", app);
    await run("attach", "sbom", PLAIN, "--sbom", "predicate.json", "--type", "cyclonedx", app);
    assert.deepEqual(await tagsOf(host, "app"), [`${tag}.att`, `${tag}.sbom`, `${tag}.sig`, "v1"]);
  });
  await operation("verify", "verify, verify-attestation", async () => {
    assert.ok((await run("verify", PLAIN, ...PUBLIC, app)).includes(digest));
    assert.ok((await run("verify-attestation", PLAIN, ...PUBLIC, "--type", "custom", app)).includes("payload"));
    await otherKeyFails(setting, "verify", app);
  });
  await operation("discover", "tree, triangulate", async () => {
    const tree = await run("tree", PLAIN, app);
    for (const what of ["Attestations", "Signatures", "SBOMs"]) assert.ok(tree.includes(what), `${what} in ${tree}`);
    assert.equal((await run("triangulate", PLAIN, app)).trim(), `${host}/app:${tag}.sig`);
  });
  await operation("copy", "copy", async () => {
    await run("copy", PLAIN, "-f", `${host}/app:v1`, `${host}/copied:v1`);
    const copied = await tagsOf(host, "copied");
    for (const name of [`${tag}.att`, `${tag}.sbom`, `${tag}.sig`, "v1"]) assert.ok(copied.includes(name), name);
    assert.ok((await run("verify", PLAIN, ...PUBLIC, `${host}/copied@${digest}`)).includes(digest));
  });
  await operation("delete", "clean", async () => {
    await run("clean", PLAIN, "-f", "--type", "all", app);
    assert.deepEqual(await tagsOf(host, "app"), ["v1"]);
  });
});
