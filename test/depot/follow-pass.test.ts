import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import fc from "fast-check";
import { digestOf } from "../../src/bytes/hash.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { type IndexPass, passIndex, readIndex } from "../../src/names/index-json-pass.ts";
import { IndexSplitter } from "../../src/names/index-json-stream.ts";
import type { JsonObject, JsonValue } from "../../src/spec/json.ts";
import { type LayoutEntry, parseLayoutIndex } from "../../src/spec/layout-index.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { toArray } from "../support/content.ts";

const digest = (seed: string): string => digestOf(Buffer.from(seed));

/** Anything JSON that a foreign tool may have written, keys of the document itself excepted. */
const foreign = fc.dictionary(
  fc.string().filter((key) => !["manifests", "schemaVersion", "mediaType", "__proto__"].includes(key)),
  fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(fc.string()),
    fc.dictionary(fc.constantFrom("manifests", "a", '"]}'), fc.constantFrom("[", '\\"', "{}]")),
  ),
  { maxKeys: 3 },
);

const entryJson = fc.tuple(fc.string(), foreign).map(([seed, more]): JsonObject => {
  const {
    digest: _digest,
    size: _size,
    annotations: _annotations,
    urls: _urls,
    data: _data,
    artifactType: _type,
    platform: _platform,
    ...rest
  } = more as JsonObject;
  return {
    ...rest,
    mediaType: MediaType.ImageManifest,
    digest: digest(seed),
    size: seed.length,
    annotations: { [`k${seed}`]: `"{[${seed}]}"\\` },
  };
});

const documents = fc
  .tuple(foreign, fc.array(entryJson, { maxLength: 6 }), fc.constantFrom(0, 1, 3), fc.boolean())
  .map(([more, manifests, indent, first]) => {
    const document = first ? { manifests, schemaVersion: 2, ...more } : { schemaVersion: 2, ...more, manifests };
    return JSON.stringify(document, undefined, indent);
  });

function cutUp(bytes: Buffer, size: number): { entries: JsonValue[]; outside: string; whole: boolean } {
  const splitter = new IndexSplitter();
  const entries: JsonValue[] = [];
  let outside = "";
  for (let at = 0; at < bytes.length; at += size) {
    for (const piece of splitter.push(bytes.subarray(at, at + size))) {
      if (piece.kind === "entry") entries.push(JSON.parse(piece.bytes.toString()) as JsonValue);
      else outside += piece.bytes.toString();
    }
  }
  const end = splitter.end();
  return { entries, outside: outside + end.bytes.toString(), whole: end.kind === "whole" };
}

describe("cutting an index.json into its entries", () => {
  test("gives what parsing it whole gives, wherever the chunks end", () => {
    fc.assert(
      fc.property(documents, fc.integer({ min: 1, max: 400 }), (text, size) => {
        const bytes = Buffer.from(text);
        const index = parseLayoutIndex(bytes);
        const { entries, outside } = cutUp(bytes, size);
        assert.deepEqual(
          entries,
          index.entries.map((entry) => entry.json),
        );
        const rest = JSON.parse(outside) as JsonObject;
        assert.deepEqual(rest, { ...index.rest, manifests: [] });
      }),
    );
  });

  for (const text of [
    '{"schemaVersion":2}',
    '{"schemaVersion":2,"manifests":null}',
    '{"schemaVersion":2,"annotations":{"manifests":"[]"}}',
  ]) {
    test(`a document without a list is whole: ${text}`, () => {
      assert.deepEqual(cutUp(Buffer.from(text), 3), { entries: [], outside: text, whole: true });
    });
  }

  for (const text of [
    '{"schemaVersion":2,"manifests":[{}{}]}',
    '{"schemaVersion":2,"manifests":[{},]}',
    '{"schemaVersion":2,"manifests":[,{}]}',
    '{"schemaVersion":2,"manifests":[{},,{}]}',
    '{"schemaVersion":2,"manifests":[1]}',
    '{"schemaVersion":2,"manifests":[[]]}',
    '{"schemaVersion":2,"manifests":[{"a":"}',
    '{"schemaVersion":2,"manifests":[{}',
    '{"schemaVersion":2,"manifests":[{}]',
    '{"schemaVersion":2,"manifests":[{}]}}',
    '{"schemaVersion":2,"manifests":[],"manifests":[]}',
    '{"schemaVersion":1,"manifests":[]}',
    '{"schemaVersion":2,"manifests":7}',
    "[]",
    "",
  ]) {
    test(`is refused: ${text}`, () => {
      assert.throws(
        () => cutUp(Buffer.from(text), 4),
        (error) => isOciError(error, "LAYOUT_INVALID"),
      );
    });
  }
});

async function layoutOf(t: TestContext, text: string | undefined): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "berth-pass-"));
  t.after(() => rm(root, { recursive: true }));
  await mkdir(join(root, ".berth"));
  if (text !== undefined) await writeFile(join(root, "index.json"), text);
  return root;
}

const KEEP: IndexPass = { fate: () => "keep", added: () => [] };

function entry(seed: string): LayoutEntry {
  const json = { mediaType: MediaType.ImageManifest, digest: digest(seed), size: 1 };
  return { descriptor: json as LayoutEntry["descriptor"], json };
}

describe("a pass over an index.json", () => {
  const text = `{ "schemaVersion": 2, "x": 1.50,\n "manifests": [ ${JSON.stringify(entry("a").json)},\n ${JSON.stringify(entry("b").json)} ], "y": {"z":"\\u00e9"} }\n`;

  test("that changes nothing leaves the very file", async (t) => {
    const root = await layoutOf(t, text);
    const before = await nodeDisk.lstat(join(root, "index.json"));
    const { stat, changed } = await passIndex(nodeDisk, root, KEEP);
    assert.equal(changed, false);
    assert.equal(stat.inode, before?.inode);
    assert.equal(await readFile(join(root, "index.json"), "utf8"), text);
    assert.deepEqual(await readdir(join(root, ".berth")), []);
  });

  test("keeps what it is not about byte for byte", async (t) => {
    const root = await layoutOf(t, text);
    const pass: IndexPass = {
      fate: ({ descriptor }) => (descriptor.digest === digest("a") ? "drop" : "keep"),
      added: () => [entry("c")],
    };
    const { stat } = await passIndex(nodeDisk, root, pass);
    const after = await readFile(join(root, "index.json"), "utf8");
    const [b, c] = [JSON.stringify(entry("b").json), JSON.stringify(entry("c").json)];
    assert.equal(after, `{ "schemaVersion": 2, "x": 1.50,\n "manifests": [${b},${c}], "y": {"z":"\\u00e9"} }\n`);
    assert.equal(stat.inode, (await nodeDisk.lstat(join(root, "index.json")))?.inode);
  });

  for (const bare of [undefined, '{"schemaVersion":2,"manifests":null,"q":"r"}']) {
    test(`begins a list where there is none: ${bare ?? "no file"}`, async (t) => {
      const root = await layoutOf(t, bare);
      await passIndex(nodeDisk, root, { fate: () => "keep", added: () => [entry("c"), entry("d")] });
      const index = parseLayoutIndex(await readFile(join(root, "index.json")));
      assert.deepEqual(
        index.entries.map(({ descriptor }) => descriptor.digest),
        [digest("c"), digest("d")],
      );
      assert.equal(index.rest["q"], bare && "r");
    });
  }

  test("of many entries reads them all and writes them all", async (t) => {
    const entries = Array.from({ length: 3000 }, (_, at) => entry(String(at)));
    const manifests = entries.map(({ json }) => json);
    const root = await layoutOf(t, JSON.stringify({ schemaVersion: 2, manifests }));
    const seen = (await toArray(readIndex(nodeDisk, root))).flat();
    assert.deepEqual(
      seen.map(({ json }) => json),
      manifests,
    );
    await passIndex(nodeDisk, root, {
      fate: ({ descriptor }) => (descriptor.digest === digest("7") ? entry("seven") : "keep"),
      added: () => [],
    });
    const index = parseLayoutIndex(await readFile(join(root, "index.json")));
    assert.equal(index.entries.length, 3000);
    assert.equal(index.entries[7]?.descriptor.digest, digest("seven"));
  });

  test("that fails leaves the file and no rest of itself", async (t) => {
    const root = await layoutOf(t, '{"schemaVersion":2,"manifests":[{"mediaType":}]}');
    await assert.rejects(passIndex(nodeDisk, root, KEEP), (error) => isOciError(error, "LAYOUT_INVALID"));
    assert.deepEqual(await readdir(join(root, ".berth")), []);
  });
});
