import { after, before, describe, test } from "node:test";
import type { Store } from "../../src/store/store.ts";
import { blobContract } from "./blob.ts";
import { ALL_TRAITS, type Context, type Traits } from "./context.ts";
import { deleteRaceContract } from "./delete-race.ts";
import { manifestContract } from "./manifest.ts";
import { nameContract } from "./name.ts";
import { referrerContract } from "./referrer.ts";

export interface Harness {
  /** A store that is empty. Every call gives another one. */
  open(): Promise<Store>;
  close(): Promise<void>;
}

/** The promises of a store, run for every medium. */
export function storeContract(name: string, harness: () => Promise<Harness>, traits: Traits = {}): void {
  describe(`${name} keeps the store contract`, () => {
    let opened: Harness;
    before(async () => {
      opened = await harness();
    });
    after(() => opened.close());
    const context: Context = { open: () => opened.open(), traits: { ...ALL_TRAITS, ...traits } };
    blobContract(context);
    manifestContract(context);
    nameContract(context);
    referrerContract(context);
    deleteRaceContract(context);
    test("disposing twice is harmless", async () => {
      const store = await context.open();
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    });
  });
}
