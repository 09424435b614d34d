import type { DirectoryBlobs } from "../blobs/directory.ts";
import { collect } from "../bytes/collect.ts";
import { isOciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { entryName, type LayoutIndex, tagOfName } from "../spec/layout-index.ts";
import { Limits } from "../spec/limits.ts";
import { isNonDistributable } from "../spec/media-type.ts";
import { parseDigestTag } from "../spec/referrer.ts";
import type { Kind } from "../store/store.ts";
import { type Edge, type Role, successors } from "../store/successors.ts";
import type { CheckedBlob } from "./fsck-blobs.ts";
import type { Findings } from "./fsck-report.ts";

/** Finds names that are there twice and names that no tag can be, and returns how many tags there are. */
export function checkNames(index: LayoutIndex, findings: Findings): number {
  const tags = new Map<string, Digest>();
  for (const entry of index.entries) {
    const name = entryName(entry);
    if (name === undefined) continue;
    const { digest } = entry.descriptor;
    const tag = tagOfName(name);
    if (tag === undefined) {
      findings.add("name-no-tag", `The name ${JSON.stringify(name)} holds no tag`, { digest });
      continue;
    }
    const before = tags.get(tag);
    if (before !== undefined) {
      const message = `The tag ${JSON.stringify(tag)} is there twice: ${before} comes before ${digest}, which counts`;
      findings.add("name-duplicate", message, { digest });
    }
    tags.set(tag, digest);
  }
  // A fallback tag is a way to list referrers, no name that anybody gave.
  return tags
    .keys()
    .filter((tag) => parseDigestTag(tag)?.suffix !== "")
    .toArray().length;
}

interface Visit {
  readonly kind: Kind;
  readonly role: Role | "entry";
  readonly descriptor: Descriptor;
  readonly parent: string;
}

/** Walks from index.json to everything that it leads to, and returns how many manifests those are. */
export async function checkGraph(
  index: LayoutIndex,
  blobs: DirectoryBlobs,
  checked: ReadonlyMap<Digest, CheckedBlob>,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<number> {
  const reached = new Set<Digest>();
  const walked = new Set<Digest>();
  const pending: Visit[] = index.entries.map(({ descriptor }) => ({
    kind: "manifest",
    role: "entry",
    descriptor,
    parent: "index.json",
  }));
  for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
    signal?.throwIfAborted();
    const { descriptor, kind } = visit;
    reached.add(descriptor.digest);
    const isWhole = checkVisit(visit, checked.get(descriptor.digest), findings);
    if (kind !== "manifest" || !isWhole || walked.has(descriptor.digest)) continue;
    walked.add(descriptor.digest);
    for (const edge of await edgesOf(descriptor, blobs, findings)) {
      pending.push({ ...edge, parent: descriptor.digest });
    }
  }
  for (const [digest, { size }] of checked) {
    if (!reached.has(digest)) findings.add("orphan", `Nothing leads to ${digest} (${size} bytes)`, { digest });
  }
  return walked.size;
}

/** Compares what a parent says with what is there; true where it is whole. */
function checkVisit(visit: Visit, found: CheckedBlob | undefined, findings: Findings): boolean {
  const { descriptor, parent, role, kind } = visit;
  const { digest, size } = descriptor;
  if (found === undefined) {
    const message = `${parent} names the ${role} ${digest}, which is not here`;
    if (role === "subject") findings.add("subject-missing", message, { digest });
    else if (kind === "manifest") findings.add("manifest-missing", message, { digest });
    else if (isNonDistributable(descriptor.mediaType))
      findings.add("blob-missing", message, { digest, severity: "note" });
    else findings.add("blob-missing", message, { digest });
    return false;
  }
  if (!found.whole) return false;
  if (found.size === size) return true;
  findings.add("size-mismatch", `${parent} gives the ${role} ${digest} ${size} bytes, it has ${found.size}`, {
    digest,
  });
  return false;
}

async function edgesOf(descriptor: Descriptor, blobs: DirectoryBlobs, findings: Findings): Promise<readonly Edge[]> {
  const { digest } = descriptor;
  try {
    await using content = await blobs.open(digest);
    return successors(descriptor, await collect(content.bytes(), Limits.manifest, `manifest ${digest}`));
  } catch (error) {
    if (!isOciError(error, "MANIFEST_INVALID", "DIGEST_INVALID", "LIMIT_EXCEEDED")) throw error;
    findings.add("manifest-invalid", `${digest}: ${error.message}`, { digest });
    return [];
  }
}
