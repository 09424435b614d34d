import { OciError } from "../error/oci-error.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { isJsonObject, type JsonObject, shownJson } from "./json.ts";
import { parsePlatform, type Platform } from "./platform.ts";

/** Keys are unique, values may be empty (image-spec annotations.md). */
export type Annotations = Readonly<Record<string, string>>;

/** What points at content (image-spec descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes; a safe, non-negative integer. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Annotations;
  /** The content itself, base64. */
  readonly data?: string;
  readonly artifactType?: string;
  readonly platform?: Platform;
}

const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** RFC 6838 section 4.2, as the descriptor's schema has it. */
export function isMediaType(text: string): boolean {
  return text.length <= 255 && MEDIA_TYPE.test(text);
}

function invalid(where: string, problem: string): OciError {
  return new OciError("MANIFEST_INVALID", `Invalid descriptor at ${where}: ${problem}`);
}

/** @throws OciError MANIFEST_INVALID unless the value maps strings to strings */
export function parseAnnotations(value: unknown, where: string): Annotations {
  if (!isJsonObject(value)) throw invalid(where, "annotations must be an object");
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw invalid(where, `annotation ${shownJson(key)} must be a string`);
  }
  return value as Record<string, string>;
}

function optionalText(object: JsonObject, key: string, where: string): string | undefined {
  const value = object[key];
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw invalid(where, `${key} must be a string`);
  return value;
}

/**
 * Reads a descriptor out of parsed JSON; unknown fields are dropped here and
 * kept by whoever holds the bytes.
 * @param where the path to the value, for messages
 * @throws OciError MANIFEST_INVALID, DIGEST_INVALID
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isJsonObject(value)) throw invalid(where, "expected an object");
  const mediaType = value["mediaType"];
  if (typeof mediaType !== "string" || !isMediaType(mediaType)) {
    throw invalid(where, `mediaType must be a media type, got ${shownJson(mediaType)}`);
  }
  if (typeof value["digest"] !== "string") throw invalid(where, "digest must be a string");
  const size = value["size"];
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(where, "size must be a non-negative integer below 2^53");
  }
  const urls = value["urls"];
  if (urls !== undefined && !(Array.isArray(urls) && urls.every((url) => typeof url === "string"))) {
    throw invalid(where, "urls must be an array of strings");
  }
  const data = optionalText(value, "data", where);
  const artifactType = optionalText(value, "artifactType", where);
  return {
    mediaType,
    digest: parseDigest(value["digest"]),
    size,
    ...(urls === undefined ? {} : { urls }),
    ...(value["annotations"] === undefined ? {} : { annotations: parseAnnotations(value["annotations"], where) }),
    ...(data === undefined ? {} : { data }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(value["platform"] === undefined ? {} : { platform: parsePlatform(value["platform"], where) }),
  };
}

/** Type, digest and size alone: what stays of a descriptor when nothing of a listing may leak. */
export function bareDescriptor(descriptor: Descriptor): Descriptor {
  return { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size };
}
