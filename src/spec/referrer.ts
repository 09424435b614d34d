import type { Descriptor } from "./descriptor.ts";
import { algorithmOf, type Digest, encodedOf, isDigest } from "./digest.ts";
import { listedArtifactType, type Manifest } from "./manifest.ts";

/**
 * The tag that lists a subject's referrers where the registry has no referrers API
 * (distribution-spec, "Referrers Tag Schema"): both parts truncated, anything that
 * a tag cannot hold replaced.
 */
export function fallbackTag(subject: Digest): string {
  const algorithm = algorithmOf(subject).slice(0, 32);
  const encoded = encodedOf(subject).slice(0, 64);
  return `${algorithm}-${encoded}`.replaceAll(/[^a-zA-Z0-9._-]/g, "-");
}

/** A tag that speaks of a digest. */
export interface DigestTag {
  /** The tag's prefix, equal to {@link fallbackTag} of every subject it may speak of. */
  readonly prefix: string;
  /** What follows: "" for the fallback tag itself, ".sig", ".att", ".sbom" of cosign, or anything after a dot. */
  readonly suffix: string;
}

const DIGEST_TAG = /^(sha256-[a-f0-9]{64}|sha512-[a-f0-9]{64})(\..+)?$/;

/** Reads `<algorithm>-<hex>[.anything]`; undefined for every other tag. */
export function parseDigestTag(tag: string): DigestTag | undefined {
  const match = DIGEST_TAG.exec(tag);
  if (!match?.[1]) return undefined;
  return { prefix: match[1], suffix: match[2] ?? "" };
}

/** The digest that a sha256 digest tag speaks of; a sha512 one is truncated and names several. */
export function digestTagSubject(tag: string): Digest | undefined {
  const parsed = parseDigestTag(tag);
  const digest = parsed?.prefix.replace("-", ":");
  return digest !== undefined && digest.startsWith("sha256:") && isDigest(digest) ? digest : undefined;
}

/**
 * The descriptor under which a manifest is listed as a referrer: artifact type and
 * all of the manifest's annotations, nothing of the listing it came from.
 */
export function referrerDescriptor(manifest: Manifest, stored: Descriptor): Descriptor {
  const artifactType = listedArtifactType(manifest);
  return {
    mediaType: stored.mediaType,
    digest: stored.digest,
    size: stored.size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}
