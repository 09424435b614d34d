import assert from "node:assert/strict";
import { test } from "node:test";
import { openDepot } from "../../src/depot/open-depot.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Digest } from "../../src/spec/digest.ts";
import type { Store } from "../../src/store/store.ts";
import { image, pushImage, toArray } from "../support/content.ts";
import { temporaryRoot } from "./scene.ts";

const RIVALS = 50;
const ROUNDS = 10;

/** All swap the tag at once; returns those whose swap was accepted. Each has a second tag in its batch. */
async function swap(
  store: Store,
  rivals: readonly Descriptor[],
  expect: Digest | null,
  round: number,
): Promise<Descriptor[]> {
  const outcomes = await Promise.allSettled(
    rivals.map((to, at) =>
      store.update([
        { tag: "latest", to, expect },
        { tag: `round-${round}-rival-${at}`, to },
      ]),
    ),
  );
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assert.ok(isOciError(outcome.reason, "CONFLICT"), String(outcome.reason));
  }
  return rivals.filter((_, at) => outcomes[at]?.status === "fulfilled");
}

test(`of ${RIVALS} who swap one tag at once exactly one wins, round for round`, async (t) => {
  await using depot = await openDepot(await temporaryRoot(t));
  const store = await depot.repository("a");
  const images = await Promise.all(Array.from({ length: RIVALS }, (_, at) => pushImage(store, image(`rival ${at}`))));
  let current: Digest | null = null;
  for (let round = 0; round < ROUNDS; round += 1) {
    // Nobody swaps for what is there already: nothing would change, and a second one could win.
    const rivals = images.filter(({ digest }) => digest !== current);
    const won = await swap(store, rivals, current, round);
    assert.equal(won.length, 1, `${won.length} won round ${round}`);
    current = (await store.resolve({ tag: "latest" })).digest;
    assert.equal(current, won[0]?.digest);
    // Of a batch that was refused nothing happened.
    const tags = await toArray(store.tags({ after: `round-${round}-` }));
    const witnesses = tags.filter(({ name }) => name.startsWith(`round-${round}-`));
    assert.deepEqual(
      witnesses.map(({ descriptor }) => descriptor?.digest),
      [current],
    );
  }
});
