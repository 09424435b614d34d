import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { FollowContext } from "../../src/depot/follow-context.ts";
import { runFollowTask } from "../../src/depot/follow-task.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { OciError } from "../../src/error/oci-error.ts";
import { openCatalog } from "../../src/names/sql-catalog.ts";
import { jobOf } from "../../src/names/sql-changes.ts";
import { followedRepository, FollowedNames } from "../../src/names/sql-follow.ts";
import { namesIn, pushBeside } from "./follow-scene.ts";

test("tags that move while the catalog cannot learn that index.json was written stay where they were moved to", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "berth-untold-"));
  t.after(() => rm(root, { recursive: true }));
  const one = await pushBeside(root, "one", ["back", "gone"]);
  const two = await pushBeside(root, "two", ["other"]);
  await using catalog = openCatalog(join(root, "catalog.db"));
  const context: FollowContext = { disk: nodeDisk, root, catalog, onEvent: () => undefined };
  await runFollowTask(context, { type: "import", repository: "a", add: true });
  const { id = 0 } = (await followedRepository(catalog.read, "a")) ?? {};
  const names = new FollowedNames(catalog.read, id);

  const change = async (tag: string, to: typeof one | null): Promise<void> => {
    await catalog.write(jobOf(id, [{ tag, to }]));
  };
  await change("new", one);
  await change("gone", null);
  await change("back", two);
  const failing: FollowContext["catalog"] = {
    read: catalog.read,
    async write(job) {
      if ((await readFile(join(root, "a", "index.json"), "utf8")).includes('"new"')) {
        throw new OciError("NO_SPACE", "The catalog has no room any more");
      }
      return await catalog.write(job);
    },
  };
  const task = { type: "export", repository: "a" } as const;
  await assert.rejects(runFollowTask({ ...context, catalog: failing }, task), { code: "NO_SPACE" });
  assert.deepEqual(await namesIn(root), { back: two.digest, new: one.digest, other: two.digest });

  await change("new", null);
  await change("gone", one);
  await change("back", one);
  await runFollowTask(context, task);
  assert.deepEqual(await namesIn(root), { back: one.digest, gone: one.digest, other: two.digest });
  for (const [tag, digest] of [
    ["back", one.digest],
    ["gone", one.digest],
    ["new", undefined],
  ] as const) {
    assert.equal((await names.tag(tag))?.digest ?? undefined, digest, tag);
  }
  // Others may move the tag as before.
  const three = await pushBeside(root, "three", ["back"]);
  await runFollowTask(context, { type: "import", repository: "a", add: false });
  assert.equal((await names.tag("back"))?.digest, three.digest);
});
