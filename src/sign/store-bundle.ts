import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { formatTime } from "../spec/time.ts";
import { SignatureAnnotation, SignatureMedia } from "./media.ts";
import { pieceOf } from "./place.ts";
import { prepareReferrer, type PreparedReferrer } from "./referrer.ts";

/** A bundle that is to hang on a manifest. */
export interface BundleReferrer {
  readonly subject: Descriptor;
  readonly bundle: Uint8Array;
  readonly content: "dsse-envelope" | "message-signature";
  readonly predicateType?: string;
  readonly createdAt: Date;
}

/** The artifact that cosign 3 stores a bundle in. */
export function prepareBundleReferrer(referrer: BundleReferrer): PreparedReferrer {
  return prepareReferrer({
    subject: referrer.subject,
    artifactType: SignatureMedia.Bundle,
    layer: pieceOf(referrer.bundle, SignatureMedia.Bundle),
    annotations: {
      [SignatureAnnotation.BundleContent]: referrer.content,
      ...(referrer.predicateType === undefined
        ? {}
        : { [SignatureAnnotation.BundlePredicateType]: referrer.predicateType }),
      [Annotation.Created]: formatTime(referrer.createdAt),
    },
  });
}
