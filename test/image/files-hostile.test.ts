import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import type { ErrorCode } from "../../src/error/code.ts";
import { FileTree } from "../../src/image/file-tree.ts";
import { listImageFiles } from "../../src/image/image-files.ts";
import { modImage } from "../../src/image/mod.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { Limits } from "../../src/spec/limits.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { TarScanner } from "../../src/tar/scan.ts";
import { readTar } from "../../src/tar/read.ts";
import { entryBytes, type ImageOptions, openImageOf, tarOf, type Written } from "./layers.ts";

/** A record whose length is right. */
function pax(key: string, value: string): Written[] {
  let text = ` ${key}=${value}\n`;
  text = `${text.length + String(text.length + 3).length}${text}`;
  return [{ path: "PaxHeader", text, flag: "x" }];
}

/** Refused in a listing and when flattened, with nothing written, in one error. */
const refused: readonly (readonly [what: string, layers: ImageOptions["layers"], code: ErrorCode])[] = [
  ["a path that climbs", [[{ path: "../evil" }]], "ARCHIVE_INVALID"],
  ["a path that climbs in its middle", [[{ path: "a/../../evil" }]], "ARCHIVE_INVALID"],
  ["a root that is a link", [[{ path: ".", type: "symlink", linkPath: "/tmp" }]], "ARCHIVE_INVALID"],
  [
    "a root that is a file",
    [
      [
        { path: "./", text: "" },
        { path: "/", type: "fifo" },
      ],
    ],
    "ARCHIVE_INVALID",
  ],
  ["a whiteout of nothing", [[{ path: "a/.wh." }]], "ARCHIVE_INVALID"],
  ["a whiteout of the folder", [[{ path: "a/.wh.." }]], "ARCHIVE_INVALID"],
  ["a whiteout of the folder above", [[{ path: "a/.wh..." }]], "ARCHIVE_INVALID"],
  ["a whiteout out of the tree", [[{ path: "../.wh.x" }]], "ARCHIVE_INVALID"],
  ["a hard link out of the tree", [[{ path: "a", type: "hardlink", linkPath: "../../etc/passwd" }]], "ARCHIVE_INVALID"],
  ["a hard link to nothing", [[{ path: "a", type: "hardlink", linkPath: "b" }]], "ARCHIVE_INVALID"],
  [
    "a hard link to a folder",
    [
      [
        { path: "d/", type: "directory" },
        { path: "a", type: "hardlink", linkPath: "d" },
      ],
    ],
    "ARCHIVE_INVALID",
  ],
  [
    "a hard link through a loop",
    [
      [
        { path: "l", type: "symlink", linkPath: "l" },
        { path: "a", type: "hardlink", linkPath: "l/x" },
      ],
    ],
    "ARCHIVE_INVALID",
  ],
  ["a path below a file", [[{ path: "a", text: "x" }, { path: "a/b" }]], "ARCHIVE_INVALID"],
  ["a path through a loop", [[{ path: "l", type: "symlink", linkPath: "l" }, { path: "l/b" }]], "ARCHIVE_INVALID"],
  ["a truncated layer", [tarOf([{ path: "a", text: "x".repeat(2000) }]).subarray(0, 1024)], "ARCHIVE_INVALID"],
  ["something behind the end", [Buffer.concat([tarOf([{ path: "a" }]), Buffer.from("junk")])], "ARCHIVE_INVALID"],
  ["no tar", [Buffer.alloc(2048, "text")], "ARCHIVE_INVALID"],
  ["too many folders inside each other", [deep(Limits.imageDepth + 1)], "LIMIT_EXCEEDED"],
];

/** One entry that many folders deep: its name stands in a GNU header. */
function deep(depth: number): Buffer {
  const path = `${"a/".repeat(depth)}f`;
  const long = entryBytes({ path: "././@LongLink", text: path, flag: "L" });
  return Buffer.concat([long, entryBytes({ path: "short" }), Buffer.alloc(1024)]);
}

describe("hostile layers", () => {
  for (const [what, layers, code] of refused) {
    test(`${what} is one error, in a list as in a flat image`, async () => {
      const store = createMemoryStore();
      const image = await openImageOf(store, { layers });
      await assert.rejects(listImageFiles(image), (error) => isOciError(error, code));
      const flat = modImage({
        source: store,
        target: store,
        descriptor: image.descriptor,
        flatten: true,
        tags: ["flat"],
      });
      await assert.rejects(flat, (error) => isOciError(error, code));
      await assert.rejects(store.resolve({ tag: "flat" }));
    });
  }

  test("a bomb stops at the cap, a wrong type is read as what it is, damage is an error", async () => {
    const store = createMemoryStore();
    const image = await openImageOf(store, { layers: [[{ path: "a" }]] });
    const [layer] = image.manifest.layers;
    assert.ok(layer);
    const plain = { ...layer, mediaType: MediaType.Layer };
    const named = { ...image, manifest: { ...image.manifest, layers: [plain] } };
    assert.equal((await listImageFiles(named)).length, 1);
    // A file of 2 GiB of zeros in 40 KiB, and a tar that goes on and on with zeros.
    const header = zstdCompressSync(entryBytes({ path: "a", size: 2 ** 31 }));
    const frame = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
    const zeros = Array.from({ length: 18 }, () => frame);
    const cut = gzipSync(tarOf([{ path: "a" }])).subarray(0, 40);
    for (const [bytes, code] of [
      [Buffer.concat([header, ...zeros]), "LIMIT_EXCEEDED"],
      [Buffer.concat(zeros), "ARCHIVE_INVALID"],
      [cut, "ARCHIVE_INVALID"],
    ] as const) {
      const source = { ...store, fetch: () => fromBuffer(bytes) };
      await assert.rejects(listImageFiles({ ...image, source }), (error) => isOciError(error, code));
    }
  });

  test("layers that are elsewhere or no tars are named", async () => {
    const store = createMemoryStore();
    const image = await openImageOf(store, { layers: [[{ path: "a" }]] });
    for (const mediaType of [MediaType.DockerForeignLayer, "application/vnd.cncf.helm.chart.content.v1"]) {
      const layers = image.manifest.layers.map((layer) => ({ ...layer, mediaType }));
      const wrong = listImageFiles({ ...image, manifest: { ...image.manifest, layers } });
      await assert.rejects(wrong, (error) => isOciError(error, "UNSUPPORTED"));
    }
  });

  test("the number of files is capped, those that are only on the way too", () => {
    const tree = new FileTree({ files: 2000 });
    const entry = {
      mode: 0,
      uid: 0,
      gid: 0,
      userName: "",
      groupName: "",
      modifiedAt: 0,
      size: 0,
      type: "file",
    } as const;
    const long = Array.from({ length: 2 }, (_, at) => ({
      entry: { ...entry, path: `${at}/${"d/".repeat(Limits.imageDepth - 3)}f` },
      order: at,
    }));
    assert.throws(
      () => tree.apply(long),
      (error) => isOciError(error, "LIMIT_EXCEEDED"),
    );
  });

  test("chains of links that every path goes through cost no more than the cap", () => {
    const common = { mode: 0, uid: 0, gid: 0, userName: "", groupName: "", modifiedAt: 0, size: 0 };
    const links = Array.from({ length: 200 }, (_, at) => ({
      entry: {
        ...common,
        type: "symlink" as const,
        path: `l${at}`,
        linkPath: at === 0 ? "d" : `${"./".repeat(500)}l${at - 1}`,
      },
      order: at,
    }));
    const files = Array.from({ length: 100 }, (_, at) => ({
      entry: { ...common, type: "file" as const, path: `l199/f${at}` },
      order: 200 + at,
    }));
    const tree = new FileTree({ steps: 1_000_000 });
    assert.throws(
      () => tree.apply([...links, ...files]),
      (error) => isOciError(error, "LIMIT_EXCEEDED"),
    );
    new FileTree({ steps: 1_000_000 }).apply([...links, ...files.slice(0, 5)]);
  });

  test("the scanner reads what the reader reads, in pieces of any size, and refuses what it refuses", async () => {
    const corpora: Buffer[] = [
      tarOf([
        { path: "a", text: "x".repeat(600) },
        { path: "d/", type: "directory" },
        { path: "l", type: "symlink", linkPath: "a" },
      ]),
      tarOf([...pax("path", "long/name"), { path: "s", text: "y" }, { path: "z" }]),
      deep(300),
      entryBytes({ path: "noend", text: "1" }),
      tarOf([{ path: "a" }]).fill(0xff, 0, 3),
      tarOf([...pax("size", "-1"), { path: "s" }]),
      tarOf([{ path: "a", text: "x" }]).subarray(0, 700),
    ];
    for (const tar of corpora) {
      const expected: string[] = [];
      const failed = await (async () => {
        for await (const { entry } of readTar(fromBuffer(tar), { endRequired: false }))
          expected.push(JSON.stringify(entry));
      })().then(
        () => undefined,
        (error: unknown) => (isOciError(error) ? error.code : "none"),
      );
      for (const size of [1, 7, 512, 4096]) {
        const found: string[] = [];
        const scanner = new TarScanner((entry) => {
          found.push(JSON.stringify(entry));
          return undefined;
        });
        const scan = (): void => {
          for (let at = 0; at < tar.length; at += size) scanner.write(tar.subarray(at, at + size));
          scanner.end();
        };
        if (failed === undefined) scan();
        else assert.throws(scan, (error) => isOciError(error) && error.code === failed);
        assert.deepEqual(found, expected);
      }
    }
  });
});
