import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { JsonObject } from "../spec/json.ts";
import { parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import { encodeJson } from "../spec/json.ts";
import { referrerDescriptor } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { Source, Store } from "../store/store.ts";
import { attestationType } from "./index-editor.ts";
import { toJson, withFields } from "../spec/json-edit.ts";
import type { NodeChange } from "./node-change.ts";
import { readManifest } from "./read-image.ts";
import type { ImageWriter } from "./writer.ts";

/** An attestation in an index, and the image that it speaks of as it is now. */
export interface Attestation {
  readonly descriptor: Descriptor;
  readonly subject: Descriptor;
}

export interface AttestationOptions extends Signal {
  readonly source: Source;
  readonly target: Store;
  readonly writer: ImageWriter;
  readonly dryRun?: boolean;
  readonly changes: NodeChange[];
}

/** The digest that an entry of an index speaks of. */
export function attestedDigest({ annotations }: Descriptor): Digest | undefined {
  return annotations?.[Annotation.DockerReferenceDigest] as Digest | undefined;
}

/** What the index says of it, without the digest, which the subject says now. */
function entryAnnotations({ annotations = {} }: Descriptor): JsonObject {
  const { [Annotation.DockerReferenceDigest]: _digest, ...rest } = annotations;
  return rest;
}

/**
 * Writes BuildKit's attestation as a referrer of its image: the same statements, with a subject
 * and an artifact type (image-spec manifest.md, "subject").
 */
export async function attestationToReferrer(attestation: Attestation, options: AttestationOptions): Promise<void> {
  const { source, target, writer, changes, dryRun, ...signal } = options;
  const { manifest, document } = await readManifest(source, attestation.descriptor, signal);
  if (manifest.form !== "image") return;
  for (const blob of [manifest.config, ...manifest.layers]) await writer.carry(blob, source);
  const { mediaType, digest, size } = attestation.subject;
  const artifactType = attestationType(document);
  const edited: JsonObject = withFields(document, {
    mediaType: MediaType.ImageManifest,
    ...(artifactType === undefined ? {} : { artifactType }),
    subject: toJson({ mediaType, digest, size }),
    annotations: { ...manifest.annotations, ...entryAnnotations(attestation.descriptor) },
  });
  const { descriptor: to, subjectHandled } = await writer.manifest(edited, MediaType.ImageManifest, true);
  changes.push({ role: "referrer", from: attestation.descriptor, to });
  if (subjectHandled || dryRun === true) return;
  const listed = referrerDescriptor(parseManifest(encodeJson(edited), MediaType.ImageManifest), to);
  await target.listReferrers?.([{ subject: attestation.subject, add: [listed], remove: [] }], signal);
}
