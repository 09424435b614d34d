import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";

const PAGE = new URL("../../docs/guide/trust.md", import.meta.url);

test("the lines of docs/guide/trust.md run as they stand", async () => {
  const page = await readFile(PAGE, "utf8");
  const lines = [...page.matchAll(/```sh\n([^`]+)```/g)].flatMap(([, block = ""]) => block.trim().split("\n"));
  assert.ok(lines.length >= 10);
  await using folder = await workFolder();
  const cwd = folder.path;
  await imageLayout(join(cwd, "images"), ["v1"]);
  await writeFile(join(cwd, "sbom.json"), '{"bomFormat":"CycloneDX"}');
  await writeFile(join(cwd, "app.tar.gz"), "app");
  await using registry = createMemoryRegistry();
  const server = await serve({ registry, host: "127.0.0.1", port: 0 });
  try {
    for (const line of lines) {
      const [, ...args] = line.replace("ghcr.io", new URL(server.url).host).split(" ");
      const { code, err } = await inside(args, { cwd, env: { COSIGN_PASSWORD: "secret" } });
      assert.equal(code, 0, `${line}: ${err}`);
    }
  } finally {
    await server.close(0);
  }
});
