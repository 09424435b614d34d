import type { Annotations, Descriptor } from "../../spec/descriptor.ts";
import { type Digest, isDigest } from "../../spec/digest.ts";
import { encodeJson } from "../../spec/json.ts";
import { optionalTexts, parseObject, requireObject, requireText } from "../signed-json.ts";
import { invalid, WHAT } from "./envelope.ts";

/** What a notation signature speaks of. */
export interface TargetArtifact {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** Further claims of the signer; notation: `--user-metadata key=value`. */
  readonly annotations: Annotations;
}

/** Reserved for the specification; nobody's own claims may begin with it. */
export const RESERVED_PREFIX = "io.cncf.notary";

/** The bytes that are signed for a manifest (signature-specification.md, "Payload"). */
export function encodePayload({ mediaType, digest, size }: Descriptor, annotations: Annotations): Uint8Array {
  return encodeJson({
    targetArtifact: {
      mediaType,
      digest,
      size,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
  });
}

/** @throws OciError MANIFEST_INVALID */
export function parsePayload(bytes: Uint8Array): TargetArtifact {
  const document = parseObject(bytes, `payload of a ${WHAT}`);
  const artifact = requireObject(document["targetArtifact"], WHAT, "targetArtifact");
  const digest = requireText(artifact["digest"], WHAT, "targetArtifact.digest");
  if (!isDigest(digest)) throw invalid("targetArtifact.digest must be a digest");
  const { size } = artifact;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw invalid("targetArtifact.size must be a size");
  }
  return {
    mediaType: requireText(artifact["mediaType"], WHAT, "targetArtifact.mediaType"),
    digest,
    size,
    annotations: optionalTexts(artifact["annotations"], WHAT, "targetArtifact.annotations"),
  };
}
