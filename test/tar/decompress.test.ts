import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { collect } from "../../src/bytes/collect.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { compress, type Compression } from "../../src/tar/compress.ts";
import { decompress, detectCompression } from "../../src/tar/decompress.ts";
import { rechunk } from "../../src/tar/rechunk.ts";

const codecs = ["gzip", "zstd"] as const;
const encode = { gzip: gzipSync, zstd: zstdCompressSync };

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function unpack(bytes: Uint8Array, compression: Compression, size = 4096): Promise<Uint8Array> {
  return collect(decompress(pieces(bytes, size), compression), 1 << 28, "test data");
}

function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 1;
  for (let at = 0; at < size; at += 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    bytes[at] = at % 7 === 0 ? state & 0xff : 0x61;
  }
  return bytes;
}

for (const codec of codecs) {
  test(`${codec}: what was compressed comes back, and its kind is seen in its first bytes`, async () => {
    for (const size of [0, 1, 1000, 1_500_000]) {
      const data = noise(size);
      const packed = await collect(compress(pieces(data, 10_000), codec), 1 << 28, "test data");
      assert.equal(detectCompression(packed), codec);
      assert.deepEqual(Buffer.from(await unpack(packed, codec)), data);
    }
  });

  test(`${codec}: equal input gives equal bytes, however it arrives`, async () => {
    const data = noise(1_200_000);
    const seen = new Set<string>();
    for (const size of [1000, 65_536, 262_144, 300_001, 2_000_000]) {
      seen.add(Buffer.from(await collect(compress(pieces(data, size), codec), 1 << 28, "test data")).toString("hex"));
    }
    assert.equal(seen.size, 1);
  });

  test(`${codec}: streams that follow each other are one, wherever the chunks end`, async () => {
    const parts = [noise(5000), Buffer.from("b"), noise(300)];
    const packed = parts.map((part) => encode[codec](part));
    const whole = Buffer.concat(packed);
    const first = packed[0]?.length ?? 0;
    for (const size of [1, 2, 3, first - 1, first, first + 1, whole.length]) {
      assert.deepEqual(Buffer.from(await unpack(whole, codec, size)), Buffer.concat(parts), `chunks of ${size}`);
    }
  });

  test(`${codec}: truncated, damaged and trailing bytes are errors, wherever the chunks end`, async () => {
    const packed = encode[codec](noise(5000));
    const flipped = Buffer.from(packed);
    flipped[2] = 0xee;
    const bad = {
      empty: Buffer.alloc(0),
      short: packed.subarray(0, 3),
      truncated: packed.subarray(0, packed.length - 1),
      junk: Buffer.concat([packed, Buffer.from("junk!")]),
      zeros: Buffer.concat([packed, Buffer.alloc(16)]),
      "zeros, then junk": Buffer.concat([packed, Buffer.alloc(16), Buffer.from("junk")]),
      "wrong magic": Buffer.from("this is no archive"),
      flipped,
    };
    for (const [what, bytes] of Object.entries(bad)) {
      for (const size of [1, 5, packed.length, 1 << 20]) {
        await assert.rejects(
          unpack(bytes, codec, size),
          (error) => isOciError(error, "ARCHIVE_INVALID"),
          `${what}, chunks of ${size}`,
        );
      }
    }
  });

  test(`${codec}: a bomb is stopped by the ratio and by the absolute cap`, async () => {
    const bomb = encode[codec](Buffer.alloc(20_000_000));
    const drain = async (limits: object): Promise<number> => {
      let size = 0;
      for await (const chunk of decompress(pieces(bomb, 512), codec, limits)) size += chunk.length;
      return size;
    };
    assert.equal(await drain({}), 20_000_000);
    await assert.rejects(drain({ ratio: 100, free: 1_000_000 }), (error) => isOciError(error, "LIMIT_EXCEEDED"));
    await assert.rejects(drain({ total: 10_000_000 }), (error) => isOciError(error, "LIMIT_EXCEEDED"));
  });

  test(`${codec}: leaving early ends the source`, async () => {
    const packed = encode[codec](noise(3_000_000));
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        yield* pieces(packed, 1000);
      } finally {
        closed = true;
      }
    }
    for await (const _chunk of decompress(source(), codec)) break;
    assert.equal(closed, true);
  });
}

test("gzip says nothing of the system it was made on", async () => {
  const packed = await collect(compress(pieces(Buffer.from("hello"), 2), "gzip"), 1000, "test data");
  assert.deepEqual([...packed.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
});

test("rechunk keeps the bytes", async () => {
  const data = noise(10_000);
  const chunks: number[] = [];
  for await (const chunk of rechunk(pieces(data, 333), 1024)) chunks.push(chunk.length);
  assert.deepEqual(chunks, [1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 784]);
});
