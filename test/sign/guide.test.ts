import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { writeTrustFiles } from "./notation/trust-files.ts";
import { openServices, tokenOf } from "./sigstore-services.ts";

const PAGE = new URL("../../docs/guide/trust.md", import.meta.url);

test("the lines of docs/guide/trust.md run as they stand", async () => {
  const page = await readFile(PAGE, "utf8");
  const lines = [...page.matchAll(/```sh\n([^`]+)```/g)].flatMap(([, block = ""]) =>
    block
      .replaceAll(/\s*\\\n\s*/g, " ")
      .trim()
      .split("\n"),
  );
  assert.ok(lines.length >= 10);
  await using folder = await workFolder();
  const cwd = folder.path;
  await imageLayout(join(cwd, "images"), ["v1"]);
  await writeFile(join(cwd, "sbom.json"), '{"bomFormat":"CycloneDX"}');
  await writeFile(join(cwd, "app.tar.gz"), "app");
  await writeTrustFiles(cwd);
  await using services = await openServices();
  await writeFile(join(cwd, "root.json"), services.rootBytes);
  const [, identity = ""] = /--certificate-identity (\S+)/.exec(page) ?? [];
  const [, issuer] = /--certificate-oidc-issuer (https\S+)/.exec(page) ?? [];
  const env = { COSIGN_PASSWORD: "secret", SIGSTORE_ID_TOKEN: tokenOf(identity, { iss: issuer }) };
  await using registry = createMemoryRegistry();
  const server = await serve({ registry, host: "127.0.0.1", port: 0 });
  try {
    for (const line of lines) {
      const [, ...args] = line
        .replace("ghcr.io", new URL(server.url).host)
        .replace("--keyless", `--keyless --fulcio-url ${services.url} --rekor-url ${services.url}`)
        .replace("--certificate-identity", "--trusted-root root.json --certificate-identity")
        .split(" ");
      const { code, err } = await inside(args, { cwd, env });
      assert.equal(code, 0, `${line}: ${err}`);
    }
  } finally {
    await server.close(0);
  }
});
