import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import { judgeClock, type Moment } from "../../src/lifecycle/run-clock.ts";
import { blob, pushBlob } from "../support/content.ts";
import { HOUR, openScene } from "./scene.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

describe("45: a clock that jumps", () => {
  const now: Moment = { wall: 1_000_000_000, steady: 500_000, boot: "a" };
  const later = (wall: number, steady: number, boot = "a"): Moment => ({
    wall: now.wall + wall,
    steady: now.steady + steady,
    boot,
  });

  test("postpones what goes by ages by one grace, in either direction, and no longer", () => {
    for (const jump of [24 * HOUR, -24 * HOUR, 61_000]) {
      const first = judgeClock(now, later(jump + 1000, 1000), HOUR);
      assert.equal(first.wait, HOUR);
      const second = judgeClock(first.record, later(jump + HOUR / 2, HOUR / 2), HOUR);
      assert.equal(second.wait, HOUR / 2 + 1000);
      const third = judgeClock(second.record, later(jump + HOUR + 1000, HOUR + 1000), HOUR);
      assert.equal(third.wait, 0);
      assert.equal("postponedTo" in third.record, false);
    }
  });

  test("small drifts, a new start of the machine and a first run do not count", () => {
    assert.equal(judgeClock(now, later(59_000, 0), HOUR).wait, 0);
    assert.equal(judgeClock(now, later(24 * HOUR, 10, "b"), HOUR).wait, 0);
    assert.equal(judgeClock(now, later(24 * HOUR, -10), HOUR).wait, 0);
    assert.equal(judgeClock(undefined, now, HOUR).wait, 0);
  });

  test("forward: berth gc removes nothing that is young in truth", async (t) => {
    const isHere = await access(LIBRARY).then(
      () => true,
      () => false,
    );
    if (!isHere) return t.skip("libfaketime not found: apt-get install faketime");
    await using scene = await openScene("layout");
    const part = blob("on its way");
    await pushBlob(scene.store, part);
    assert.match(await gc(scene.root), /Removed 0 blobs/);
    assert.match(await gc(scene.root, "+2d"), /The clock was set: nothing is removed for another 60 min/);
    assert.equal(await scene.has(part.descriptor.digest), true);
    assert.match(await gc(scene.root), /The clock was set/);
    return undefined;
  });
});

/** Runs the real command in a world whose wall clock is shifted. */
function gc(root: string, shift?: string): Promise<string> {
  const { PATH = "", HOME = "" } = process.env;
  const fake = shift === undefined ? {} : { LD_PRELOAD: LIBRARY, FAKETIME: shift, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [MAIN, "gc", root], { env: { PATH, HOME, ...fake } }, (error, out) => {
      if (error) reject(error);
      else resolve(out);
    });
  });
}
