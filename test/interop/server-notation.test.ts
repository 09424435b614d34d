import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { referrerTypes, seedImage, withClient } from "./client.ts";

const NOTATION = {
  name: "notation",
  program: "notation",
  version: { args: ["version"], pattern: /Version:\s+v?([^\s+]+)/ },
  install: "go install github.com/notaryproject/notation/cmd/notation@v1.3.2",
};
const SIGNATURE = "application/vnd.cncf.notary.signature";
const PLAIN = "--insecure-registry";

withClient(NOTATION, async ({ host, folder, run, operation }) => {
  const digest = await seedImage(host, "app", "v1");
  const app = `${host}/app@${digest}`;
  await run("cert", "generate-test", "--default", "berth.test");
  const policy = (name: string) => ({
    name,
    registryScopes: ["*"],
    signatureVerification: { level: "strict" },
    trustStores: ["ca:berth.test"],
    trustedIdentities: ["*"],
  });
  await writeFile(join(folder, "policy.json"), JSON.stringify({ version: "1.0", trustPolicies: [policy("all")] }));
  await run("policy", "import", "policy.json");

  await operation("sign", "sign (JWS and COSE)", async () => {
    await assert.rejects(run("verify", PLAIN, app));
    await run("sign", PLAIN, "--force-referrers-tag=false", app);
    await run("sign", PLAIN, "--force-referrers-tag=false", "--signature-format", "cose", app);
    assert.deepEqual(await referrerTypes(host, "app", digest), [SIGNATURE, SIGNATURE]);
    // Its default keeps a fallback tag as well.
    await run("sign", PLAIN, app);
    assert.deepEqual(await referrerTypes(host, "app", digest), [SIGNATURE, SIGNATURE, SIGNATURE]);
  });
  await operation("verify", "verify", async () => {
    assert.match(await run("verify", PLAIN, app), /Successfully verified/);
  });
  await operation("discover", "inspect", async () => {
    assert.match(await run("inspect", PLAIN, app), /application\/cose/);
  });
  await operation("list", "list", async () => {
    assert.equal((await run("list", PLAIN, app)).match(/sha256:/g)?.length, 4);
  });
});
