import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openLayout } from "../../src/layout/open-layout.ts";
import { blob, pushBlob } from "../support/content.ts";

describe("chunks of a layout's blob", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "berth-lent-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const bytes = Buffer.alloc(9_000_000);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(at, at);
  const part = blob(bytes);

  /** Reads everything, holding so many chunks before looking at the oldest. */
  async function readHolding(hold: number, lent: boolean): Promise<Buffer> {
    await using store = await openLayout(join(folder, "images"), { create: true });
    await pushBlob(store, part);
    const held: Uint8Array[] = [];
    const read: Buffer[] = [];
    for await (const chunk of store.fetch(part.descriptor, { kind: "blob", verify: false, lent })) {
      held.push(chunk);
      if (held.length > hold) read.push(Buffer.from(held.shift() ?? []));
    }
    return Buffer.concat([...read, ...held]);
  }

  test("stay as they are for their receiver", async () => {
    assert.deepEqual(await readHolding(100, false), bytes);
  });

  test("stay as they are while lent, one behind the last", async () => {
    assert.deepEqual(await readHolding(0, true), bytes);
    assert.deepEqual(await readHolding(1, true), bytes);
  });

  test("are used again when lent", async () => {
    assert.notDeepEqual(await readHolding(100, true), bytes);
  });
});
