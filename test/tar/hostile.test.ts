import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { collect } from "../../src/bytes/collect.ts";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { clampTimes } from "../../src/tar/clamp-times.ts";
import type { TarEntry } from "../../src/tar/entry.ts";
import { BLOCK, encodeHeader, type HeaderBlock, sealHeader } from "../../src/tar/header.ts";
import { readTar, type TarReading } from "../../src/tar/read.ts";
import { encodePaxBlocks, type TarInput, writeTar } from "../../src/tar/write.ts";

const file: HeaderBlock = {
  name: "a",
  prefix: "",
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
  const block = encodeHeader(file);
  change(block);
  sealHeader(block);
  return Buffer.concat([block, end]);
}

/** A PAX header whose records are taken as they are. */
function rawPax(body: Buffer): Buffer {
  const header = encodeHeader({ ...file, flag: "x", size: body.length });
  return Buffer.concat([header, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]);
}

const pax = (records: Record<string, string>): Buffer =>
  encodePaxBlocks(new Map(Object.entries(records)), { modifiedAt: 0 });

const hostile: Readonly<Record<string, Uint8Array>> = {
  "an empty file": Buffer.alloc(0),
  "no end": encodeHeader(file),
  "an end that is cut": Buffer.concat([encodeHeader(file), Buffer.alloc(100)]),
  "content that is cut": Buffer.concat([encodeHeader({ ...file, size: 5000 }), Buffer.alloc(600)]),
  "a wrong checksum": Buffer.concat([encodeHeader(file).fill(0x39, 148, 154), end]),
  "bytes after the end": Buffer.concat([encodeHeader(file), end, Buffer.from("more")]),
  "a negative size in base-256": patched((block) => block.fill(0xff, 124, 136)),
  "a huge size in base-256": patched((block) => block.fill(0x80, 124, 125).fill(0x7f, 125, 136)),
  "a size that is no number": patched((block) => block.write("12x", 124)),
  "no name": patched((block) => block.fill(0, 0, 100)),
  "a NUL byte in a PAX path": Buffer.concat([pax({ path: "a\0b" }), encodeHeader(file), end]),
  "a negative PAX size": Buffer.concat([pax({ size: "-5" }), encodeHeader(file), end]),
  "a PAX size that is no number": Buffer.concat([pax({ size: "1e3" }), encodeHeader(file), end]),
  "a PAX record that is too long": Buffer.concat([rawPax(Buffer.from("99 path=a\n")), encodeHeader(file), end]),
  "a PAX record without a length": Buffer.concat([rawPax(Buffer.from("path=abc\n")), encodeHeader(file), end]),
  "a PAX record of length zero": Buffer.concat([rawPax(Buffer.from("0 path=a\n")), encodeHeader(file), end]),
  "a PAX header of 4 GiB": Buffer.concat([encodeHeader({ ...file, flag: "x", size: 2 ** 32 }), end]),
  "PAX headers without end": Buffer.concat([...Array.from({ length: 100 }, () => pax({ path: "a" })), end]),
  "a PAX header before the end": Buffer.concat([pax({ path: "a" }), end]),
  "a sparse file": Buffer.concat([encodeHeader({ ...file, flag: "S" }), end]),
  "a directory with content": Buffer.concat([
    encodeHeader({ ...file, name: "a/", size: 512 }),
    encodeHeader(file),
    end,
  ]),
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
    encodeHeader({ ...file, name: "././@LongLink", flag: "L", size: long.length + 1 }),
    Buffer.alloc(BLOCK),
  ]);
  gnu.write(long, BLOCK);
  const found = await read(Buffer.concat([pax({ path: "12345" }), encodeHeader(file), gnu, encodeHeader(file), end]));
  assert.deepEqual(
    found.map(({ path }) => path),
    ["12345", long],
  );
});

test("paths and links come as they stand; they are the reader's to check", async () => {
  const bytes = Buffer.concat([
    encodeHeader({ ...file, name: "/etc/passwd" }),
    encodeHeader({ ...file, name: "../up" }),
    encodeHeader({ ...file, name: "link", flag: "2", linkName: "../../x" }),
    encodeHeader({ ...file, name: "dev", flag: "3" }),
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
  const bytes = Buffer.concat([...Array.from({ length: 20 }, () => encodeHeader(file)), end]);
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
      const clamped = await collect(clampTimes(pieces(bytes, size), 1_000_000), 1 << 24, "tar");
      assert.deepEqual(
        await read(clamped),
        expected.map((entry) => ({ ...entry, modifiedAt: Math.min(entry.modifiedAt, 1_000_000) })),
      );
    }),
    { numRuns: 150 },
  );
});

test("a missing end is accepted only where it was said to be, and never inside an entry", async () => {
  const body = Buffer.concat([encodeHeader({ ...file, size: 5 }), Buffer.from("hello")]);
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
