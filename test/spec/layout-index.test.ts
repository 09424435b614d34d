import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { digestOf } from "../../src/bytes/hash.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { Annotation } from "../../src/spec/annotation.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import {
  emptyLayoutIndex,
  encodeLayoutIndex,
  entryName,
  type LayoutIndex,
  layoutEntry,
  parseLayoutIndex,
  tagOfName,
} from "../../src/spec/layout-index.ts";
import { LayoutIndexEdit } from "../../src/spec/layout-index-edit.ts";
import { LayoutIndexView } from "../../src/spec/layout-index-view.ts";
import { MediaType } from "../../src/spec/media-type.ts";

function descriptor(seed: number | string): Descriptor {
  return { mediaType: MediaType.ImageManifest, digest: digestOf(Buffer.from(`${seed}`)), size: 100 };
}

function view(edit: LayoutIndexEdit): LayoutIndexView {
  return new LayoutIndexView(parseLayoutIndex(encodeLayoutIndex(edit.result())));
}

const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/);
const name = fc.oneof(
  tag,
  tag.map((text) => `docker.io/library/x:${text}`),
  fc.string({ minLength: 1, maxLength: 20 }),
);
/** Any entry that another tool may have written. */
const foreignEntry = fc.record(
  {
    mediaType: fc.constantFrom(MediaType.ImageManifest, MediaType.ImageIndex, "application/x.unknown+json"),
    digest: fc.nat(20).map((seed) => descriptor(seed).digest),
    size: fc.nat(),
    annotations: fc.oneof(
      fc.constant(null),
      fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 })),
      name.map((text) => ({ [Annotation.RefName]: text })),
    ),
    "x-unknown": fc.jsonValue({ maxDepth: 2 }),
    platform: fc.constant({ os: "linux", architecture: "arm64", "x-more": 1 }),
  },
  { requiredKeys: ["mediaType", "digest", "size"] },
);
const foreignIndex = fc
  .record({ manifests: fc.array(foreignEntry, { maxLength: 12 }), "x-top": fc.jsonValue({ maxDepth: 2 }) })
  .map(({ manifests, ...rest }) => JSON.stringify({ schemaVersion: 2, ...rest, manifests }))
  // A number that would lose its exactness is refused, as anywhere.
  .filter((text) => !/\d[eE]|\d\.\d|\d{16}/.test(text));

function parsed(text: string): LayoutIndex {
  return parseLayoutIndex(Buffer.from(text));
}

describe("index.json", () => {
  test("comes out as it came in", () => {
    fc.assert(
      fc.property(foreignIndex, (text) => {
        const again = JSON.parse(Buffer.from(encodeLayoutIndex(parsed(text))).toString()) as unknown;
        assert.deepEqual(again, JSON.parse(text));
      }),
    );
  });

  test("no input throws anything but LAYOUT_INVALID", () => {
    const input = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(`{"schemaVersion":2,"manifests":[${text}]}`)),
    );
    fc.assert(
      fc.property(input, (bytes) => {
        try {
          parseLayoutIndex(bytes);
        } catch (error) {
          assert.ok(isOciError(error, "LAYOUT_INVALID"), String(error));
        }
      }),
    );
  });

  test("a list that was never filled is empty", () => {
    assert.deepEqual(parsed('{"schemaVersion":2,"manifests":null}').entries, []);
    assert.deepEqual(parsed('{"schemaVersion":2}').entries, []);
  });

  test("setting a tag finds it, and touches no entry of another name", () => {
    fc.assert(
      fc.property(foreignIndex, tag, (text, chosen) => {
        const index = parsed(text);
        const edit = new LayoutIndexEdit(index);
        edit.setTag(chosen, descriptor("new"));
        const after = view(edit);
        assert.equal(after.named(chosen)?.descriptor.digest, descriptor("new").digest);
        const kept = new Set(after.index.entries.map((entry) => JSON.stringify(entry.json)));
        for (const entry of index.entries) {
          const own = entryName(entry);
          if (own !== undefined && tagOfName(own) === chosen) continue;
          assert.ok(kept.has(JSON.stringify(entry.json)));
        }
      }),
    );
  });

  test("removing a tag leaves nothing that it finds", () => {
    fc.assert(
      fc.property(foreignIndex, tag, (text, chosen) => {
        const edit = new LayoutIndexEdit(parsed(text));
        edit.setTag(chosen, descriptor("new"));
        edit.removeTag(chosen);
        assert.equal(view(edit).named(chosen), undefined);
      }),
    );
  });

  test("many changes in any order end as a map would", () => {
    const change = fc.record({ tag: fc.constantFrom("a", "b", "c"), to: fc.option(fc.nat(5)) });
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const edit = new LayoutIndexEdit(emptyLayoutIndex);
        const model = new Map<string, string>();
        for (const { tag: chosen, to } of changes) {
          if (to === null) {
            edit.removeTag(chosen);
            model.delete(chosen);
          } else {
            edit.setTag(chosen, descriptor(to));
            model.set(chosen, descriptor(to).digest);
          }
        }
        const after = view(edit);
        assert.deepEqual(after.tags, [...model.keys()].toSorted());
        for (const [chosen, digest] of model) assert.equal(after.named(chosen)?.descriptor.digest, digest);
        assert.equal(after.index.entries.length, model.size);
      }),
    );
  });
});

describe("names in index.json", () => {
  const named = (text: string, seed: string): ReturnType<typeof layoutEntry> =>
    layoutEntry(descriptor(seed), { [Annotation.RefName]: text });
  const indexOf = (...entries: ReturnType<typeof layoutEntry>[]): LayoutIndex => ({ ...emptyLayoutIndex, entries });

  test("a tag or the end of a full reference", () => {
    assert.equal(tagOfName("v1"), "v1");
    assert.equal(tagOfName("docker.io/library/x:v1"), "v1");
    assert.equal(tagOfName("localhost:5000/x:v1"), "v1");
    assert.equal(tagOfName("localhost:5000/x"), undefined);
    assert.equal(tagOfName(`x:v1@${descriptor(1).digest}`), "v1");
    assert.equal(tagOfName("a b"), undefined);
    assert.equal(tagOfName(":v1"), undefined);
  });

  test("the exact name comes before a full reference, the last before the first", () => {
    const index = indexOf(
      named("v1", "exact"),
      named("docker.io/library/x:v1", "full"),
      named("two", "1"),
      named("two", "2"),
    );
    const found = new LayoutIndexView(index);
    assert.equal(found.named("v1")?.descriptor.digest, descriptor("exact").digest);
    assert.equal(found.named("docker.io/library/x:v1")?.descriptor.digest, descriptor("full").digest);
    assert.equal(found.named("two")?.descriptor.digest, descriptor("2").digest);
  });

  test("a single full reference is moved in place and keeps its spelling; of several, a tag of its own is made", () => {
    const one = new LayoutIndexEdit(indexOf(named("docker.io/library/x:v1", "old"), named("other", "o")));
    one.setTag("v1", descriptor("new"));
    assert.deepEqual(one.result().entries.map(entryName), ["docker.io/library/x:v1", "other"]);
    const two = new LayoutIndexEdit(indexOf(named("a.io/x:v1", "a"), named("b.io/x:v1", "b")));
    two.setTag("v1", descriptor("new"));
    assert.deepEqual(two.result().entries.map(entryName), ["a.io/x:v1", "b.io/x:v1", "v1"]);
  });

  test("BuildKit's own name counts where there is no other", () => {
    const entry = layoutEntry(descriptor(1), { [Annotation.ContainerdName]: "docker.io/library/x:v7" });
    const found = new LayoutIndexView(indexOf(entry));
    assert.equal(found.named("v7"), entry);
    assert.equal(found.named("docker.io/library/x:v7"), entry);
  });

  test("a tag takes the place of a plain entry of its manifest, and of no other", () => {
    const plain = layoutEntry(descriptor(1));
    const marked = layoutEntry(descriptor(1), { "org.example": "mine" });
    const edit = new LayoutIndexEdit(indexOf(plain, marked));
    edit.setTag("v1", descriptor(1));
    assert.deepEqual(edit.result().entries.map(entryName), [undefined, "v1"]);
    assert.equal(edit.result().entries[0], marked);
  });
});
