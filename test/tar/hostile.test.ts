import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { collect } from "../../src/bytes/collect.ts";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { editTar } from "../../src/tar/edit.ts";
import type { TarEntry } from "../../src/tar/entry.ts";
import { BLOCK } from "../../src/tar/block.ts";
import { readTar, type TarReading } from "../../src/tar/read.ts";
import { type TarInput, writeTar } from "../../src/tar/write.ts";
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

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array, size = 700): Promise<(TarEntry & { text: string })[]> {
  const found: (TarEntry & { text: string })[] = [];
  for await (const { entry, content } of readTar(pieces(bytes, size))) {
    found.push({ ...entry, text: Buffer.from(await collect(content(), 1 << 20, "entry")).toString() });
  }
  return found;
}

function patched(change: (block: Buffer) => void): Buffer {
  const block = rawHeader(file);
  change(block);
  sealHeader(block);
  return Buffer.concat([block, end]);
}

function patchedSize(flag: string): Buffer {
  const block = rawHeader({ ...file, flag }).fill(0xff, 124, 136);
  sealHeader(block);
  return block;
}

/** A PAX header whose records are taken as they are. */
function rawPax(body: Buffer, flag = "x"): Buffer {
  return Buffer.concat([rawHeader({ ...file, flag, size: body.length }), padded(body)]);
}

const pax = (records: Record<string, string>): Buffer =>
  rawPax(Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value))));

const hostile: Readonly<Record<string, Uint8Array>> = {
  "an empty file": Buffer.alloc(0),
  "no end": rawHeader(file),
  "an end that is cut": Buffer.concat([rawHeader(file), Buffer.alloc(100)]),
  "content that is cut": Buffer.concat([rawHeader({ ...file, size: 5000 }), Buffer.alloc(600)]),
  "a wrong checksum": Buffer.concat([rawHeader(file).fill(0x39, 148, 154), end]),
  "bytes after the end": Buffer.concat([rawHeader(file), end, Buffer.from("more")]),
  "a negative size in base-256": patched((block) => block.fill(0xff, 124, 136)),
  "a huge size in base-256": patched((block) => block.fill(0x80, 124, 125).fill(0x7f, 125, 136)),
  "a size that is no number": patched((block) => block.write("12x", 124)),
  "no name": patched((block) => block.fill(0, 0, 100)),
  "a NUL byte in a PAX path": Buffer.concat([pax({ path: "a\0b" }), rawHeader(file), end]),
  "a negative PAX size": Buffer.concat([pax({ size: "-5" }), rawHeader(file), end]),
  "a PAX size that is no number": Buffer.concat([pax({ size: "1e3" }), rawHeader(file), end]),
  "a PAX record that is too long": Buffer.concat([rawPax(Buffer.from("99 path=a\n")), rawHeader(file), end]),
  "a PAX record without a length": Buffer.concat([rawPax(Buffer.from("path=abc\n")), rawHeader(file), end]),
  "a PAX record of length zero": Buffer.concat([rawPax(Buffer.from("0 path=a\n")), rawHeader(file), end]),
  "a PAX header of 4 GiB": Buffer.concat([rawHeader({ ...file, flag: "x", size: 2 ** 32 }), end]),
  "PAX headers without end": Buffer.concat([...Array.from({ length: 100 }, () => pax({ path: "a" })), end]),
  "a PAX header before the end": Buffer.concat([pax({ path: "a" }), end]),
  "two PAX headers before one entry": Buffer.concat([pax({ path: "a" }), pax({ uid: "1" }), rawHeader(file), end]),
  "a path for all entries": Buffer.concat([rawPax(paxRecord("path", "b"), "g"), rawHeader(file), end]),
  "an entry after the end": Buffer.concat([rawHeader(file), end, rawHeader(file), end]),
  "a block that is zero but for its checksum": Buffer.concat([Buffer.alloc(BLOCK).fill("0", 148, 150), end]),
  "a PAX header of a negative size": Buffer.concat([patchedSize("x"), rawHeader(file), end]),
  "a mode that is too large": patched((block) => block.fill(0x80, 100, 101).fill(0xff, 101, 108)),
  "a sparse file": Buffer.concat([rawHeader({ ...file, flag: "S" }), end]),
  "a directory with content": Buffer.concat([rawHeader({ ...file, name: "a/", size: 512 }), rawHeader(file), end]),
  text: Buffer.from("hello ".repeat(500)),
};

for (const [what, bytes] of Object.entries(hostile)) {
  test(`${what} is an error`, async () => {
    for (const size of [1, 512, 100_000]) {
      await assert.rejects(read(bytes, size), (error) => isOciError(error, "ARCHIVE_INVALID"), `chunks of ${size}`);
    }
  });
}

test("a path of digits is a path, and GNU's long names are read", async () => {
  const long = "d/".repeat(80) + "f";
  const gnu = Buffer.concat([
    rawHeader({ ...file, name: "././@LongLink", flag: "L", size: long.length + 1 }),
    Buffer.alloc(BLOCK),
  ]);
  gnu.write(long, BLOCK);
  const found = await read(Buffer.concat([pax({ path: "12345" }), rawHeader(file), gnu, rawHeader(file), end]));
  assert.deepEqual(
    found.map(({ path }) => path),
    ["12345", long],
  );
});

test("links carry no content whatever their size says, and an empty PAX header says nothing", async () => {
  const bytes = Buffer.concat([
    rawHeader({ ...file, name: "l", flag: "2", linkName: "x", size: 512 }),
    rawHeader({ ...file, name: "h", flag: "1", linkName: "x", size: 512 }),
    rawHeader({ ...file, name: "d", flag: "5", size: 512 }),
    rawPax(Buffer.alloc(0)),
    rawHeader({ ...file, name: "f", size: 5 }),
    padded(Buffer.from("hello")),
    rawPax(paxRecord("comment", "all"), "g"),
    rawHeader({ ...file, name: "last" }),
    end,
  ]);
  assert.deepEqual(
    (await read(bytes)).map(({ path, type, text }) => [path, type, text]),
    [
      ["l", "symlink", ""],
      ["h", "hardlink", ""],
      ["d", "directory", ""],
      ["f", "file", "hello"],
      ["last", "file", ""],
    ],
  );
});

test("paths and links come as they stand; they are the reader's to check", async () => {
  const bytes = Buffer.concat([
    rawHeader({ ...file, name: "/etc/passwd" }),
    rawHeader({ ...file, name: "../up" }),
    rawHeader({ ...file, name: "link", flag: "2", linkName: "../../x" }),
    rawHeader({ ...file, name: "dev", flag: "3" }),
    end,
  ]);
  assert.deepEqual(
    (await read(bytes)).map(({ path, type, linkPath }) => [path, type, linkPath]),
    [
      ["/etc/passwd", "file", undefined],
      ["../up", "file", undefined],
      ["link", "symlink", "../../x"],
      ["dev", "character-device", undefined],
    ],
  );
});

test("the number of entries is capped", async () => {
  const bytes = Buffer.concat([...Array.from({ length: 20 }, () => rawHeader(file)), end]);
  const drain = async (): Promise<void> => {
    for await (const _entry of readTar(fromBuffer(bytes), { maxEntries: 19 }));
  };
  await assert.rejects(drain(), (error) => isOciError(error, "LIMIT_EXCEEDED"));
});

const segment = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter((part) => !/[/\0]/.test(part));
const entries = fc.array(
  fc.record({
    path: fc.array(segment, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/")),
    text: fc.string({ maxLength: 2000 }),
    uid: fc.nat({ max: 5_000_000 }),
    modifiedAt: fc.integer({ min: -1000, max: 4_000_000_000 }),
    mode: fc.nat({ max: 0o7777 }),
    link: fc.option(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 150 }).filter((path) => !path.includes("\0")),
    ),
  }),
  { maxLength: 8 },
);

test("whatever is written is read back, and clamping changes the times alone", async () => {
  await fc.assert(
    fc.asyncProperty(entries, fc.integer({ min: 1, max: 3000 }), async (wanted, size) => {
      const inputs = wanted.map(({ path, text, uid, modifiedAt, mode, link }): TarInput => {
        const common = { path, uid, gid: 7, userName: "u", groupName: "", modifiedAt, mode };
        if (link !== null) return { entry: { ...common, type: "symlink", size: 0, linkPath: link } };
        const content = Buffer.from(text);
        return { entry: { ...common, type: "file", size: content.length }, content: () => fromBuffer(content) };
      });
      const bytes = await collect(writeTar(inputs), 1 << 24, "tar");
      const found = await read(bytes, size);
      const expected = inputs.map(({ entry }, index) => ({
        ...entry,
        text: entry.type === "file" ? (wanted[index]?.text ?? "").toWellFormed() : "",
      }));
      assert.deepEqual(found, expected);
      const clamped = await collect(
        editTar(pieces(bytes, size), { header: () => ({ time: (seconds) => Math.min(seconds, 1_000_000) }) }),
        1 << 24,
        "tar",
      );
      assert.deepEqual(
        await read(clamped),
        expected.map((entry) => ({ ...entry, modifiedAt: Math.min(entry.modifiedAt, 1_000_000) })),
      );
    }),
    { numRuns: 150 },
  );
});

test("a missing end is accepted only where it was said to be, and never inside an entry", async () => {
  const body = Buffer.concat([rawHeader({ ...file, size: 5 }), Buffer.from("hello")]);
  const count = async (bytes: Uint8Array): Promise<number> => {
    let entries = 0;
    for await (const _entry of readTar(fromBuffer(bytes), { endRequired: false })) entries += 1;
    return entries;
  };
  assert.equal(await count(body), 1);
  assert.equal(await count(Buffer.concat([body, Buffer.alloc(507)])), 1);
  await assert.rejects(read(body), (error) => isOciError(error, "ARCHIVE_INVALID"));
  for (const bytes of [body.subarray(0, 515), body.subarray(0, 300), Buffer.concat([pax({ path: "a" })])]) {
    await assert.rejects(count(bytes), (error) => isOciError(error, "ARCHIVE_INVALID"));
  }
});

test("contents may be left unread", async () => {
  const inputs = ["one", "two", "three"].map((text): TarInput => ({
    entry: { ...file, path: text, type: "file", size: text.length },
    content: () => fromBuffer(Buffer.from(text)),
  }));
  const bytes = await collect(writeTar(inputs), 1 << 20, "tar");
  const found: [string, number][] = [];
  for await (const reading of readTar(pieces(bytes, 100)) as AsyncIterable<TarReading>) {
    found.push([reading.entry.path, reading.offset]);
    if (reading.entry.path === "two") for await (const _chunk of reading.content()) break;
  }
  assert.deepEqual(found, [
    ["one", 512],
    ["two", 1536],
    ["three", 2560],
  ]);
});

test("a megabyte of slashes in a name costs no more than any other name", async () => {
  const path = `${"/".repeat(1_000_000)}x`;
  const [entry] = await read(Buffer.concat([pax({ path }), rawHeader(file), end]), 1 << 20);
  assert.equal(entry?.path, path);
});
