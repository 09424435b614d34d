import { Annotation } from "../spec/annotation.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { emptyDescriptor } from "../spec/empty.ts";
import { encodeJson } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import { SignatureAnnotation, SignatureMedia } from "./media.ts";
import { type Piece, pieceOf, pushBlob, pushEmpty, type SignTarget, sourceOf } from "./place.ts";

/** A bundle that is to hang on a manifest. */
export interface BundleReferrer {
  readonly subject: Descriptor;
  readonly bundle: Uint8Array;
  readonly content: "dsse-envelope" | "message-signature";
  readonly predicateType?: string;
  readonly createdAt: Date;
}

/** A referrer and its content, not pushed yet. */
export interface PreparedReferrer {
  readonly subject: Descriptor;
  readonly manifest: Piece;
  readonly layer: Piece;
  /** As a listing of referrers shows it. */
  readonly listing: Descriptor;
}

/** The artifact that cosign 3 stores a bundle in (image-spec manifest.md, "Guidelines for Artifact Usage"). */
export function prepareBundleReferrer(referrer: BundleReferrer): PreparedReferrer {
  const layer = pieceOf(referrer.bundle, SignatureMedia.Bundle);
  const subject = bareDescriptor(referrer.subject);
  const annotations = {
    [SignatureAnnotation.BundleContent]: referrer.content,
    ...(referrer.predicateType === undefined
      ? {}
      : { [SignatureAnnotation.BundlePredicateType]: referrer.predicateType }),
    [Annotation.Created]: referrer.createdAt.toISOString().replace(/\.\d+Z$/, "Z"),
  };
  const manifest = pieceOf(
    encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      artifactType: SignatureMedia.Bundle,
      config: emptyDescriptor,
      layers: [layer.descriptor],
      subject,
      annotations,
    }),
    MediaType.ImageManifest,
  );
  return {
    subject,
    manifest,
    layer,
    listing: { ...manifest.descriptor, artifactType: SignatureMedia.Bundle, annotations },
  };
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
