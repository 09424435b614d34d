import { OciError } from "../error/oci-error.ts";
import type { JsonObject } from "../spec/json.ts";
import { MediaType } from "../spec/media-type.ts";

/** Annotations to set, and with null to take away, at the two places that can carry them. */
export interface AnnotationChange {
  readonly manifest?: Readonly<Record<string, string | null>>;
  readonly index?: Readonly<Record<string, string | null>>;
}

/** An annotation as a user types it. */
export interface ScopedAnnotation {
  readonly manifest: boolean;
  readonly index: boolean;
  readonly key: string;
  readonly value: string;
}

const SCOPE = /^(manifest|index|manifest,index|index,manifest):/;

/** The key of an annotation with where it goes: `key`, `manifest:key`, `index:key`; without a word, everywhere. */
export function parseAnnotationKey(text: string): Omit<ScopedAnnotation, "value"> {
  const scope = SCOPE.exec(text)?.[1];
  const key = scope === undefined ? text : text.slice(scope.length + 1);
  if (key === "") throw new OciError("USAGE", `Invalid annotation ${JSON.stringify(text)}: it has no key`);
  return {
    manifest: scope === undefined || scope.includes("manifest"),
    index: scope === undefined || scope.includes("index"),
    key,
  };
}

/** Joins annotations to set and keys to remove into one change. @throws OciError USAGE */
export function annotationChange(
  set: Readonly<Record<string, string>>,
  remove: readonly string[] = [],
): AnnotationChange {
  const manifest: Record<string, string | null> = {};
  const index: Record<string, string | null> = {};
  const put = (text: string, value: string | null): void => {
    const parsed = parseAnnotationKey(text);
    if (parsed.manifest) manifest[parsed.key] = value;
    if (parsed.index) index[parsed.key] = value;
  };
  for (const key of remove) put(key, null);
  for (const [key, value] of Object.entries(set)) put(key, value);
  return { manifest, index };
}

/** Annotations as fields: null takes one away. */
export function setOrRemove(change: Readonly<Record<string, string | null>> | undefined): JsonObject {
  return Object.fromEntries(Object.entries(change ?? {}).map(([key, value]) => [key, value ?? undefined] as const));
}

/** @throws OciError UNSUPPORTED: Docker's manifests have no annotations */
export function refuseDockerAnnotations(
  mediaType: string,
  change: Readonly<Record<string, string | null>> | undefined,
): void {
  if (mediaType !== MediaType.DockerManifest && mediaType !== MediaType.DockerManifestList) return;
  if (!Object.values(change ?? {}).some((value) => value !== null)) return;
  throw new OciError("UNSUPPORTED", `A manifest of type ${mediaType} has no place for annotations`, {
    hint: "Set a label instead, or put the annotation on manifests of OCI's type",
  });
}
