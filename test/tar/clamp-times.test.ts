import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { collect } from "../../src/bytes/collect.ts";
import { BLOCK } from "../../src/tar/block.ts";
import { countEdited, editTar, type TarEdit } from "../../src/tar/edit.ts";
import { padded, paxRecord, type RawFields, rawHeader, sealHeader } from "./raw-header.ts";

const file: RawFields = {
  name: "a",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  modifiedAt: 0,
  flag: "0",
  linkName: "",
  userName: "",
  groupName: "",
};
const end = Buffer.alloc(2 * BLOCK);

/** Nothing is newer than a time. */
function clamping(max: number): TarEdit {
  return { header: () => ({ time: (seconds) => Math.min(seconds, Math.max(0, max)) }) };
}

async function clamp(bytes: Uint8Array, max: number): Promise<Buffer> {
  return Buffer.from(await collect(editTar(fromBuffer(bytes), clamping(max)), 1 << 20, "tar"));
}

/** A GNU header with spaces where ours has zeros, and a device number in a field that we never write. */
function foreign(modifiedAt: number): Buffer {
  const block = rawHeader({ ...file, name: "foreign", size: 5, modifiedAt });
  block.write("ustar  \0", 257);
  block.write("    644 \0", 100, 8, "latin1");
  block.write("0000007\0", 329);
  block.fill(0xab, 400, 500);
  sealHeader(block);
  return Buffer.concat([block, padded(Buffer.from("hello"))]);
}

function extended(values: Readonly<Record<string, string | Buffer>>, modifiedAt: number): Buffer {
  const body = Buffer.concat(Object.entries(values).map(([key, value]) => paxRecord(key, value)));
  return Buffer.concat([rawHeader({ ...file, flag: "x", size: body.length, modifiedAt }), padded(body)]);
}

/** Two file capabilities as the kernel keeps them: not UTF-8. */
const capability = Buffer.from("0100000200e4ff00800000000000000000000000", "hex");

test("every byte but the newer times and the checksums over them stays", async () => {
  const tar = (time: number, text: string): Buffer =>
    Buffer.concat([
      foreign(time),
      extended({ "SCHILY.xattr.security.capability": capability, mtime: text, atime: text, ctime: "5.5" }, time),
      rawHeader({ ...file, modifiedAt: time }),
      rawHeader({ ...file, name: "old", modifiedAt: 7 }),
      end,
    ]);
  const newer = tar(2_000_000_000, "2000000000.123456789");
  assert.equal(await countEdited(fromBuffer(newer), clamping(1_000_000)), 2);
  const clamped = await clamp(newer, 1_000_000);
  assert.deepEqual(clamped, tar(1_000_000, "00000000000001000000"));
  assert.equal(await countEdited(fromBuffer(clamped), clamping(1_000_000)), 0);
  assert.deepEqual(await clamp(clamped, 1_000_000), clamped);
});

test("times in base-256 are clamped too, and nothing goes below 1970", async () => {
  const block = rawHeader(file);
  block.fill(0, 136, 148).writeUInt8(0x80, 136);
  block.writeUInt32BE(2_000_000_000, 144);
  sealHeader(block);
  assert.deepEqual(
    await clamp(Buffer.concat([block, end]), 9),
    Buffer.concat([rawHeader({ ...file, modifiedAt: 9 }), end]),
  );
  assert.deepEqual(await clamp(Buffer.concat([block, end]), -5), Buffer.concat([rawHeader(file), end]));
  assert.deepEqual(await clamp(Buffer.concat([block, end]), 2_000_000_000), Buffer.concat([block, end]));
});
