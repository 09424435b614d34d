import { OciError } from "../error/oci-error.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import {
  announce,
  type PackedArtifact,
  type PackedBlob,
  packed,
  pushBlobs,
  pushManifest,
  type PushArtifactOptions,
} from "./pack.ts";
import { type ArtifactContent, prepareArtifact, type PreparedArtifact } from "./prepare.ts";

/** One artifact to attach. */
export interface Attachment extends Omit<ArtifactContent, "subject" | "artifactType"> {
  readonly artifactType: string;
}

export interface AttachOptions extends PushArtifactOptions {
  /** What the artifacts hang on, resolved. */
  readonly subject: Descriptor;
  readonly artifacts: readonly Attachment[];
}

/**
 * Attaches artifacts to one subject: all their blobs, their manifests, then
 * their listing in one batch. Where the medium lists as it takes a manifest,
 * each shows up whole, one after the other.
 * @throws OciError USAGE when an artifact has neither files nor annotations; FILE_INVALID, and whatever the target throws
 */
export async function attachArtifacts(options: AttachOptions): Promise<readonly PackedArtifact[]> {
  const { target, artifacts, dryRun = false } = options;
  const subject = bareDescriptor(options.subject);
  const waits = options.signal === undefined ? {} : { signal: options.signal };
  await using scope = new AsyncDisposableStack();
  const prepared: PreparedArtifact[] = [];
  for (const artifact of artifacts) {
    if (artifact.files.length === 0 && Object.keys(artifact.annotations ?? {}).length === 0) {
      throw new OciError("USAGE", `Nothing to attach as ${artifact.artifactType}: expected a file or an annotation`);
    }
    prepared.push(scope.use(await prepareArtifact({ ...artifact, subject }, waits)));
  }
  announce(prepared, options);
  const blobs: (readonly PackedBlob[])[] = [];
  for (const each of prepared) blobs.push(await pushBlobs(each, options));
  const results: PackedArtifact[] = [];
  const unlisted: Descriptor[] = [];
  for (const [at, each] of prepared.entries()) {
    // Left unlisted only where the batch below lists it.
    const listed = target.listReferrers === undefined;
    const { existed, subjectHandled } = await pushManifest(each, { ...options, listed });
    if (!subjectHandled) unlisted.push(each.listing);
    results.push(packed(each, blobs[at] ?? [], existed));
  }
  if (!dryRun && unlisted.length > 0) {
    await target.listReferrers?.([{ subject, add: unlisted, remove: [] }], waits);
  }
  return results;
}
