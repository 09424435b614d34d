import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openDepot } from "../../src/depot/open-depot.ts";
import type { DepotEvent } from "../../src/depot/event.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { OciError } from "../../src/error/oci-error.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { image, pushImage, toArray } from "../support/content.ts";
import { depotScene } from "./follow-scene.ts";

describe("what somebody else takes away from under a depot", () => {
  for (const again of [false, true]) {
    test(`a repository's directory: the next push makes it a layout again${again ? ", after a start too" : ""}`, async (t) => {
      const scene = await depotScene(t);
      await pushImage(await scene.depot.repository("a"), image("1"), ["v1"]);
      await scene.depot.settle();
      await rm(join(scene.root, "a"), { recursive: true });
      if (again) await scene.reopen();
      const two = await pushImage(await scene.depot.repository("a"), image("2"), ["v2"]);
      await scene.depot.settle();
      await using layout = await openLayout(join(scene.root, "a"), { readOnly: true });
      assert.equal((await layout.resolve({ tag: "v2" })).digest, two.digest);
    });
  }

  test("the right to list a directory below the root: told of, and everything else is served", async (t) => {
    const scene = await depotScene(t);
    const { root } = scene;
    await pushImage(await scene.depot.repository("a"), image("1"), ["v1"]);
    await scene.depot[Symbol.asyncDispose]();
    const secret = join(root, "secret");
    await mkdir(secret);
    await rm(join(root, ".berth", "catalog.db"));
    const disk: Disk = {
      ...nodeDisk,
      readdir: (path) => {
        if (path === secret) throw new OciError("IO", `Cannot list ${JSON.stringify(path)}: permission denied`);
        return nodeDisk.readdir(path);
      },
    };
    const events: DepotEvent[] = [];
    await using depot = await openDepot(root, { disk, onEvent: (event) => void events.push(event) });
    assert.deepEqual(await toArray(depot.repositories()), ["a"]);
    assert.deepEqual(
      events.filter(({ type }) => type === "unreadable").map(({ repository }) => repository),
      ["secret"],
    );
  });
});
