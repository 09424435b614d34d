import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { parseTag } from "../spec/name.ts";
import type { ContentSource, Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";
import { doneContent, type OnArtifactEvent, plannedContent } from "./event.ts";
import type { Part } from "./file.ts";
import { type ArtifactContent, distinctBlobs, prepareArtifact, type PreparedArtifact } from "./prepare.ts";
import { eachOf } from "../transfer/workers.ts";

/** The part of a store that artifacts are pushed to. */
export type ArtifactTarget = Pick<Store, "exists" | "push" | "update" | "listReferrers">;

export interface PushArtifactOptions extends Signal {
  readonly target: ArtifactTarget;
  readonly onEvent?: OnArtifactEvent;
  /** Blobs on their way at a time; 3 when absent. */
  readonly concurrency?: number;
  /** Hash everything and look what is there already, but push nothing. */
  readonly dryRun?: boolean;
}

export interface PackArtifactOptions extends ArtifactContent, PushArtifactOptions {
  readonly tags?: readonly string[];
}

/** What became of one blob. */
export interface PackedBlob {
  readonly role: "config" | "layer";
  readonly descriptor: Descriptor;
  readonly title?: string;
  /** It was there already. */
  readonly existed: boolean;
}

export interface PackedArtifact {
  readonly descriptor: Descriptor;
  /** The manifest's bytes. */
  readonly manifest: ContentSource;
  readonly artifactType?: string;
  readonly existed: boolean;
  readonly blobs: readonly PackedBlob[];
}

/**
 * Makes an artifact of files and pushes it: blobs, manifest, the listing under
 * its subject, then the tags.
 * @throws OciError FILE_INVALID, USAGE, TAG_INVALID, and whatever the target throws
 */
export async function packArtifact(options: PackArtifactOptions): Promise<PackedArtifact> {
  const tags = (options.tags ?? []).map(parseTag);
  const waits = options.signal === undefined ? {} : { signal: options.signal };
  await using prepared = await prepareArtifact(options, waits);
  announce([prepared], options);
  const blobs = await pushBlobs(prepared, options);
  // With a subject, a tag must not show the manifest before it is listed.
  const named = prepared.subject === undefined ? tags : [];
  const { existed, subjectHandled } = await pushManifest(prepared, { ...options, tags: named });
  if (options.dryRun !== true && prepared.subject !== undefined) {
    if (!subjectHandled) {
      await options.target.listReferrers?.([{ subject: prepared.subject, add: [prepared.listing], remove: [] }], waits);
    }
    const to = prepared.manifest.descriptor;
    if (tags.length > 0)
      await options.target.update(
        tags.map((tag) => ({ tag, to })),
        waits,
      );
  }
  return packed(prepared, blobs, existed);
}

/** Tells the listener what is going to be pushed. */
export function announce(prepared: readonly PreparedArtifact[], options: PushArtifactOptions): void {
  const { onEvent } = options;
  if (onEvent === undefined || options.dryRun === true) return;
  for (const artifact of prepared) {
    for (const { part, role } of distinctBlobs(artifact)) onEvent(plannedContent(part.descriptor, "blob", role));
    onEvent(plannedContent(artifact.manifest.descriptor, "manifest", "root"));
  }
  onEvent({ type: "plan-complete" });
}

/** What to tell of an artifact that was pushed. */
export function packed(prepared: PreparedArtifact, blobs: readonly PackedBlob[], existed: boolean): PackedArtifact {
  const { artifactType } = prepared.listing;
  return {
    descriptor: prepared.manifest.descriptor,
    manifest: prepared.manifest.source,
    ...(artifactType === undefined ? {} : { artifactType }),
    existed,
    blobs,
  };
}

/** Tells the listener how many bytes of a part pass. */
function counted(part: Part, onEvent: OnArtifactEvent | undefined): ContentSource {
  if (onEvent === undefined) return part.source;
  const { descriptor, source } = part;
  return async function* count(options) {
    for await (const chunk of source(options)) {
      onEvent({ type: "progress", descriptor, bytes: chunk.length });
      yield chunk;
    }
  };
}

/** Pushes the blobs of an artifact, a few at a time and each digest once, and tells what became of every one. */
export async function pushBlobs(
  prepared: PreparedArtifact,
  options: PushArtifactOptions,
): Promise<readonly PackedBlob[]> {
  const { target, onEvent, signal, dryRun = false } = options;
  const waits = signal === undefined ? {} : { signal };
  const there = new Set<Digest>();
  await eachOf(distinctBlobs(prepared), options.concurrency ?? 3, async ({ part }) => {
    signal?.throwIfAborted();
    const { descriptor } = part;
    if (dryRun) {
      if (await target.exists(descriptor, { kind: "blob", ...waits })) there.add(descriptor.digest);
      return;
    }
    try {
      const { existed } = await target.push(descriptor, counted(part, onEvent), { kind: "blob", ...waits });
      onEvent?.(doneContent(descriptor, "blob", existed));
      if (existed) there.add(descriptor.digest);
    } catch (error) {
      throw await part.explain(error);
    }
  });
  return prepared.blobs.map(({ role, part: { descriptor }, title }) => ({
    role,
    descriptor,
    ...(title === undefined ? {} : { title }),
    existed: there.has(descriptor.digest),
  }));
}

/** Pushes the manifest of an artifact whose blobs are there. */
export async function pushManifest(
  prepared: PreparedArtifact,
  options: PushArtifactOptions & { readonly tags?: readonly string[]; readonly listed?: boolean },
): Promise<{ existed: boolean; subjectHandled: boolean }> {
  const { target, onEvent, signal, tags = [], listed = true } = options;
  const { descriptor, source } = prepared.manifest;
  if (options.dryRun === true) {
    const existed = await target.exists(descriptor, { kind: "manifest", ...(signal ? { signal } : {}) });
    return { existed, subjectHandled: false };
  }
  const result = await target.push(descriptor, source, {
    kind: "manifest",
    tags,
    listed,
    ...(signal ? { signal } : {}),
  });
  onEvent?.(doneContent(descriptor, "manifest", result.existed));
  return result;
}
