import { type Annotations, bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { emptyDescriptor } from "../spec/empty.ts";
import { encodeJson } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import { type Piece, pieceOf, pushBlob, pushEmpty, type SignTarget, sourceOf } from "./place.ts";

/** A referrer and its content, not pushed yet. */
export interface PreparedReferrer {
  readonly subject: Descriptor;
  readonly manifest: Piece;
  readonly layer: Piece;
  /** As a listing of referrers shows it. */
  readonly listing: Descriptor;
}

/** What a referrer of one layer is made of. */
export interface ReferrerParts {
  readonly subject: Descriptor;
  readonly artifactType: string;
  /** Tell the type by the media type of the configuration, as manifests did before they had a field for it. */
  readonly typeInConfig?: boolean;
  readonly layer: Piece;
  readonly annotations: Annotations;
}

/** An artifact of one layer (image-spec manifest.md, "Guidelines for Artifact Usage"). */
export function prepareReferrer({
  artifactType,
  typeInConfig,
  layer,
  annotations,
  ...of
}: ReferrerParts): PreparedReferrer {
  const subject = bareDescriptor(of.subject);
  const manifest = pieceOf(
    encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      ...(typeInConfig ? {} : { artifactType }),
      config: typeInConfig ? { ...emptyDescriptor, mediaType: artifactType } : emptyDescriptor,
      layers: [layer.descriptor],
      subject,
      annotations,
    }),
    MediaType.ImageManifest,
  );
  return { subject, manifest, layer, listing: { ...manifest.descriptor, artifactType, annotations } };
}

/**
 * Pushes a referrer's content, then its manifest.
 * @returns whether it is listed under its subject; where not, the caller lists it, many in one batch
 */
export async function pushReferrer(
  target: SignTarget,
  { manifest, layer }: PreparedReferrer,
  options: Signal,
): Promise<{ readonly listed: boolean }> {
  await pushEmpty(target, options);
  await pushBlob(target, layer, options);
  const { subjectHandled } = await target.push(manifest.descriptor, sourceOf(manifest.bytes), {
    kind: "manifest",
    // Left unlisted only where a batch lists it.
    listed: target.listReferrers === undefined,
    ...options,
  });
  return { listed: subjectHandled || target.listReferrers === undefined };
}
