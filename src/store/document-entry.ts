import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isJsonObject, type JsonObject } from "../spec/json.ts";
import { arrayField, objectField, withFields, withObjectField } from "../spec/json-edit.ts";
import type { ImageIndex } from "../spec/manifest.ts";
import { type Edge, manifestEdges } from "./successors.ts";

/** Indexes inside indexes that are looked into where images are changed. */
export const INDEX_DEPTH = 8;

/** Tables of contents for lazy pulling, which describe the old bytes. */
const TOC = /^(?:containerd\.io\/snapshot\/|io\.(?:github\.)?containers\.zstd-chunked\.)/;

/** An entry of an index as it stands in its document, and what it means. */
export interface IndexEntry {
  readonly entry: JsonObject;
  readonly edge: Edge;
}

/** The entries of an index, in their order. */
export function indexEntries(manifest: ImageIndex, document: JsonObject): readonly IndexEntry[] {
  const entries = arrayField(document, "manifests");
  // One edge for each entry, in order, and the subject last.
  return manifestEdges(manifest).flatMap((edge, at) => {
    const entry = entries[at];
    return isJsonObject(entry) ? [{ entry, edge }] : [];
  });
}

/** Whether an entry of an index is BuildKit's attestation of another one. */
export function isAttestation({ annotations }: Pick<Descriptor, "annotations">): boolean {
  return annotations?.[Annotation.DockerReferenceType] !== undefined;
}

/** A descriptor that points at something else; what it says beside that stays, inlined content goes. */
export function pointedAt(entry: JsonObject, { mediaType, digest, size }: Descriptor): JsonObject {
  return withFields(entry, { mediaType, digest, size, data: undefined });
}

/** The annotations that are still true of a layer with other bytes. */
export function annotationsOfNewBytes(annotations: Annotations): Annotations {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !TOC.test(key)));
}

/** The descriptor of a layer whose bytes are others now: what was only true of the old ones goes. */
export function withNewBytes(entry: JsonObject, to: Descriptor): JsonObject {
  const outdated = Object.keys(objectField(entry, "annotations")).filter((key) => TOC.test(key));
  const gone = Object.fromEntries(outdated.map((key) => [key, undefined]));
  return withObjectField(withFields(pointedAt(entry, to), { urls: undefined }), "annotations", gone);
}

/** BuildKit's attestations name the child that they belong to in the index; that name follows the child. */
export function withReference(entry: JsonObject, renamed: ReadonlyMap<string, Digest>): JsonObject {
  const annotations = objectField(entry, "annotations");
  const old = annotations[Annotation.DockerReferenceDigest];
  const now = typeof old === "string" ? renamed.get(old) : undefined;
  if (now === undefined) return entry;
  return withFields(entry, { annotations: withFields(annotations, { [Annotation.DockerReferenceDigest]: now }) });
}
