import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Departures } from "../../src/server/departures.ts";

/** Counts what has left. */
function waiting(departures: Departures, count: number): { left: number } {
  const seen = { left: 0 };
  for (let at = 0; at < count; at++) void departures.next().then(() => (seen.left += 1));
  return seen;
}

test("answers made in one turn of the event loop leave together at its end", async () => {
  const departures = new Departures();
  const first = waiting(departures, 3);
  await Promise.resolve();
  const second = waiting(departures, 2);
  await Promise.resolve();
  assert.deepEqual([first.left, second.left], [0, 0]);
  await turn();
  assert.deepEqual([first.left, second.left], [3, 2]);
  const third = waiting(departures, 1);
  await turn();
  assert.equal(third.left, 1);
});

test("many do not wait for the end of the turn", async () => {
  const departures = new Departures();
  const seen = waiting(departures, 70);
  await Promise.resolve();
  assert.equal(seen.left, 64, "Two full batches");
  await turn();
  assert.equal(seen.left, 70);
});
