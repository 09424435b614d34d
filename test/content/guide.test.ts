import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openLayout } from "../../src/layout/open-layout.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { pushSampleGraph } from "../support/graph.ts";
import { servedRegistry } from "./served.ts";

const PAGE = new URL("../../docs/guide/content.md", import.meta.url);

test("the lines of docs/guide/content.md print something, and fail nowhere", async () => {
  const page = await readFile(PAGE, "utf8");
  const lines = /```sh\n([^`]+)```/.exec(page)?.[1]?.trim().split("\n") ?? [];
  assert.ok(lines.length >= 5);
  await using folder = await workFolder();
  await using server = await servedRegistry();
  await pushSampleGraph(await server.registry.repository("org/app"), "v1");
  await pushSampleGraph(await server.registry.repository("alpine"), "3.20");
  await using layout = await openLayout(join(folder.path, "images"), { create: true });
  await pushSampleGraph(layout, "v1");
  for (const line of lines) {
    const written = line.replace("ghcr.io/", `${server.host}/`).replace("alpine:", `${server.host}/alpine:`);
    const [, ...words] = [...written.matchAll(/(?:"[^"]*"|[^\s"])+/g)].map(([word]) => word.replaceAll('"', ""));
    // The sample graph has an SBOM of another form.
    const args = words.map((word) => word.replace("application/spdx+json", "application/vnd.cyclonedx+json"));
    const { code, out, err } = await inside(args, { cwd: folder.path });
    assert.equal(code, 0, `${line}: ${err}`);
    assert.notEqual(out, "", line);
  }
});
