import assert from "node:assert/strict";
import { test } from "node:test";
import { natureOf } from "../../src/server/gate/nature.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { blob, index, json, type Piece, piece } from "../support/content.ts";

const subject = blob("subject").descriptor;
const REAL = piece('{"os":"linux"}', MediaType.ImageConfig);
const EMPTY = piece("{}", MediaType.Empty);

function manifest(config: Piece, ...layers: readonly string[]): Piece {
  return json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      config: config.descriptor,
      layers: layers.map((mediaType) => piece("layer", mediaType).descriptor),
      subject,
    },
    MediaType.ImageManifest,
  );
}

test("nothing that a program could run counts as evidence, whatever it hangs on", () => {
  const disguised = piece('{"os":"linux"}', "application/vnd.example.config+json");
  for (const [evidence, what] of [
    [false, manifest(REAL, MediaType.LayerGzip)],
    [false, manifest(REAL, "application/vnd.example")],
    [false, manifest(REAL, "application/vnd.dev.cosign.simplesigning.v1+json", MediaType.Layer)],
    [false, manifest(disguised, MediaType.DockerLayerGzip)],
    [false, manifest(piece('{"os":"linux"}', MediaType.Empty), MediaType.Layer)],
    [false, index([], { subject })],
    [false, json({ anything: true }, "application/vnd.example.manifest+json")],
    [true, manifest(REAL, "application/vnd.dev.cosign.simplesigning.v1+json")],
    [true, manifest(REAL, "application/vnd.dsse.envelope.v1+json")],
    [true, manifest(REAL, "text/spdx+json")],
    [true, manifest(REAL)],
    [true, manifest(EMPTY, "application/vnd.cyclonedx+json")],
    // What oras stores a file as, when nobody says what it is.
    [true, manifest(EMPTY, MediaType.Layer)],
    [true, manifest(disguised, "application/jose+json")],
  ] as const) {
    const nature = natureOf(what.bytes, what.descriptor.mediaType);
    assert.equal(nature.evidence, evidence, Buffer.from(what.bytes).toString());
  }
});
