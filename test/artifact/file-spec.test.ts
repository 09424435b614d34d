import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { guessMediaType, parseFileSpec, titleOf } from "../../src/artifact/file-spec.ts";
import { isMediaType } from "../../src/spec/descriptor.ts";

const cases: readonly (readonly [string, { path: string; mediaType?: string }])[] = [
  ["sbom.json", { path: "sbom.json" }],
  ["sbom.json:application/json", { path: "sbom.json", mediaType: "application/json" }],
  ["a:b.txt", { path: "a:b.txt" }],
  ["a:b.txt:text/plain", { path: "a:b.txt", mediaType: "text/plain" }],
  ["report.json:json", { path: "report.json:json" }],
  ["dir/a:b/c:text/plain", { path: "dir/a:b/c", mediaType: "text/plain" }],
  ["notes.txt:text/plain; charset=utf-8", { path: "notes.txt:text/plain; charset=utf-8" }],
  [
    "x:application/vnd.oci.image.layer.v1.tar+gzip",
    { path: "x", mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" },
  ],
  [":text/plain", { path: ":text/plain" }],
  ["", { path: "" }],
];

for (const [text, expected] of cases) {
  test(`FILE[:TYPE] ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseFileSpec(text), expected);
  });
}

const part = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,20}$/);

test("a file with its type is always split between the two, whatever colons the file has", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), part, part, (path, type, subtype) => {
      const mediaType = `${type}/${subtype}`;
      assert.deepEqual(parseFileSpec(`${path}:${mediaType}`), { path, mediaType });
    }),
  );
});

test("nothing of the text is lost, and a type is a media type", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { path, mediaType } = parseFileSpec(text);
      assert.equal(mediaType === undefined ? path : `${path}:${mediaType}`, text);
      if (mediaType !== undefined) assert.ok(isMediaType(mediaType));
    }),
  );
});

test("types are told by names that say them, and by no others", () => {
  assert.equal(guessMediaType("a/App.CDX.json"), "application/vnd.cyclonedx+json");
  assert.equal(guessMediaType("app.spdx.json"), "application/spdx+json");
  assert.equal(guessMediaType("lint.sarif"), "application/sarif+json");
  assert.equal(guessMediaType("package.json"), undefined);
  assert.equal(guessMediaType("sarif"), undefined);
});

test("titles keep the tree below the working directory and only the name of anything else", () => {
  assert.equal(titleOf("a.txt"), "a.txt");
  assert.equal(titleOf("./docs//a.txt"), "docs/a.txt");
  assert.equal(titleOf("docs/"), "docs");
  assert.equal(titleOf("docs/../a.txt"), "a.txt");
  assert.equal(titleOf("/etc/hostname"), "hostname");
  assert.equal(titleOf("../up/a.txt"), "a.txt");
  assert.equal(titleOf("a/../../b"), "b");
});
