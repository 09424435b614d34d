import { Annotation } from "../spec/annotation.ts";
import { type Annotations, bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { emptyDescriptor } from "../spec/empty.ts";
import { encodeJson } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import { type Piece, pieceOf } from "./place.ts";
import type { PreparedReferrer } from "./store-bundle.ts";

/** An artifact of one layer (image-spec manifest.md, "Guidelines for Artifact Usage"). */
export function preparePlainReferrer(
  of: Descriptor,
  artifactType: string,
  layer: Piece,
  createdAt: Date,
): PreparedReferrer {
  const subject = bareDescriptor(of);
  const annotations: Annotations = { [Annotation.Created]: createdAt.toISOString().replace(/\.\d+Z$/, "Z") };
  const document = {
    schemaVersion: 2,
    mediaType: MediaType.ImageManifest,
    artifactType,
    config: emptyDescriptor,
    layers: [layer.descriptor],
    subject,
    annotations,
  };
  const manifest = pieceOf(encodeJson(document), MediaType.ImageManifest);
  return { subject, manifest, layer, listing: { ...manifest.descriptor, artifactType, annotations } };
}
