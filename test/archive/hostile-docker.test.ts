import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { digestOf } from "../../src/bytes/hash.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { openLocator } from "../../src/open/open-locator.ts";
import { parseLocator } from "../../src/spec/locator.ts";
import { copy } from "../../src/transfer/copy.ts";
import { failsWith } from "../contract/context.ts";
import { configOf, layerTar } from "./saved.ts";
import { tarInput, tarOf } from "./scene.ts";
import { codeOf, watched } from "./watched.ts";

describe("a docker archive that cannot be trusted", () => {
  test("names, links and lists that lead anywhere are refused, and nothing is read from outside", async () => {
    await using at = await watched();
    const layer = await layerTar("base");
    const config = configOf([layer]);
    const good = [tarInput("c.json", config), tarInput("l.tar", layer)];
    const link = (linkPath: string) => tarInput("l", "", { type: "symlink", linkPath });
    const list = (parts: object): ReturnType<typeof tarInput> =>
      tarInput("manifest.json", JSON.stringify([{ Config: "c.json", RepoTags: ["a:b"], Layers: ["l.tar"], ...parts }]));
    const file = join(at.outside, "file");
    for (const inputs of [
      [...good, list({ Config: "../../sentinel/file" })],
      [...good, list({ Config: file })],
      [...good, list({ Layers: [file] })],
      [...good, list({ Layers: ["../sentinel/file"] })],
      [...good, list({ Layers: [] })],
      [...good, list({ Layers: ["l.tar", "l.tar"] })],
      [...good, list({ Layers: "l.tar" })],
      [...good, list({ Layers: ["missing"] })],
      [...good, list({ RepoTags: [1] })],
      [...good, link(file), list({ Layers: ["l"] })],
      [...good, link("../../sentinel/file"), list({ Layers: ["l"] })],
      [...good, link("l"), list({ Layers: ["l"] })],
      [...good, tarInput("l", "", { type: "hardlink", linkPath: file }), list({ Layers: ["l"] })],
      [...good, tarInput("d", "", { type: "directory" }), list({ Layers: ["d"] })],
      [...good, tarInput("manifest.json", "{}")],
      [...good, tarInput("manifest.json", "[1]")],
      [...good, tarInput("manifest.json", "", { type: "symlink", linkPath: file })],
      [tarInput("c.json", "{}"), tarInput("l.tar", layer), list({})],
    ]) {
      await writeFile(at.path("a.tar"), await tarOf(inputs));
      const opening = openLocator(parseLocator(`docker-archive:${at.path("a.tar")}`), {
        mode: "read",
        env: {},
        home: undefined,
        cwd: "/",
      });
      await assert.rejects(opening, (error) => {
        assert.ok(["ARCHIVE_INVALID", "MANIFEST_INVALID"].includes(codeOf(error)), String(error));
        return true;
      });
    }
    await at.check();
  });

  test("a layer that is not the one of the configuration never arrives", async () => {
    await using at = await watched();
    const manifest = [{ Config: "c.json", RepoTags: ["a:b"], Layers: ["l.tar"] }];
    const inputs = [
      tarInput("c.json", configOf([await layerTar("promised")])),
      tarInput("l.tar", await layerTar("replaced")),
      tarInput("manifest.json", JSON.stringify(manifest)),
    ];
    await writeFile(at.path("a.tar"), await tarOf(inputs));
    await using source = await openLocator(parseLocator(at.path("a.tar")), {
      mode: "read",
      env: {},
      home: undefined,
      cwd: dirname(at.path("x")),
    });
    await using target = await openLayout(at.path("out"), { create: true });
    const descriptor = await source.store.resolve({ tag: "b" });
    await failsWith(copy({ source: source.store, target, roots: [{ descriptor, tags: ["b"] }] }), "DIGEST_INVALID");
    await failsWith(target.resolve({ tag: "b" }), "MANIFEST_UNKNOWN");
    const promised = digestOf(await layerTar("promised"));
    assert.equal(
      (await readdir(at.path("out"), { recursive: true })).some((name) => name.includes(promised.slice(7))),
      false,
    );
  });
});
