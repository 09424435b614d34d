import type { Digest } from "../spec/digest.ts";
import { isDigest } from "../spec/digest.ts";
import { encodeJson, isJsonObject, type JsonValue } from "../spec/json.ts";
import { malformed, parseObject, requireObject, requireText } from "./signed-json.ts";

/** What a simple signing payload says: this name, this digest, these claims. */
export interface SimplePayload {
  /** The repository that the signer meant, without tag or digest; empty where there was none. */
  readonly reference: string;
  readonly digest: Digest;
  /** Further claims of the signer; cosign: `-a key=value`. */
  readonly annotations: Readonly<Record<string, JsonValue>>;
}

const TYPE = "cosign container image signature";
const WHAT = "signature payload";

/** The bytes that cosign signs for an image (sigstore "Simple Signing", after containers/image). */
export function encodeSimplePayload({ reference, digest, annotations }: SimplePayload): Uint8Array {
  const claims = Object.keys(annotations).length === 0 ? null : annotations;
  return encodeJson({
    critical: {
      identity: { "docker-reference": reference },
      image: { "docker-manifest-digest": digest },
      type: TYPE,
    },
    optional: claims,
  });
}

/** @throws OciError MANIFEST_INVALID */
export function parseSimplePayload(bytes: Uint8Array): SimplePayload {
  const document = parseObject(bytes, WHAT);
  const critical = requireObject(document["critical"], WHAT, "critical");
  const type = requireText(critical["type"], WHAT, "critical.type");
  if (type !== TYPE) throw malformed(WHAT, `critical.type must be ${JSON.stringify(TYPE)}`);
  const identity = requireObject(critical["identity"], WHAT, "critical.identity");
  const image = requireObject(critical["image"], WHAT, "critical.image");
  const digest = requireText(image["docker-manifest-digest"], WHAT, "critical.image.docker-manifest-digest");
  if (!isDigest(digest)) throw malformed(WHAT, "critical.image.docker-manifest-digest must be a digest");
  const { optional } = document;
  return {
    reference: requireText(identity["docker-reference"], WHAT, "critical.identity.docker-reference"),
    digest,
    annotations: isJsonObject(optional) ? (optional as Record<string, JsonValue>) : noClaims(optional),
  };
}

function noClaims(optional: JsonValue | undefined): Record<string, never> {
  if (optional === undefined || optional === null) return {};
  throw malformed(WHAT, "optional must be an object");
}
