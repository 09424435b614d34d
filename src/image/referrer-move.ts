import type { Descriptor } from "../spec/descriptor.ts";
import { Limits } from "../spec/limits.ts";
import { OciError } from "../error/oci-error.ts";
import { referrerDescriptor } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { Referrer } from "../store/names.ts";
import type { Source, Store } from "../store/store.ts";
import { type Edge, manifestEdges } from "../store/successors.ts";
import { copy } from "../transfer/copy.ts";
import { objectField, withFields } from "../spec/json-edit.ts";
import type { NodeChange } from "./node-change.ts";
import { readManifest } from "./read-image.ts";
import type { ImageWriter } from "./writer.ts";

/** A referrer that stays with the old digest. */
export interface LeftReferrer {
  readonly subject: Descriptor;
  readonly descriptor: Descriptor;
  /**
   * "not-asked": nobody asked for it to follow. "statement": a signature or attestation,
   * which names the old digest inside and would be false of the new one. "digest-tag": its
   * tag names the old digest. "opaque": its manifest is of a type that cannot be edited.
   */
  readonly reason: "not-asked" | "statement" | "digest-tag" | "opaque";
}

export interface MoveReferrersOptions extends Signal {
  readonly source: Source;
  readonly target: Store;
  readonly writer: ImageWriter;
  readonly referrers?: boolean;
  readonly dryRun?: boolean;
  /** The manifests that changed; those of the new referrers are added. */
  readonly changes: NodeChange[];
}

/** Signatures and signed statements: sigstore bundles, cosign, notation, in-toto and DSSE. */
const STATEMENT = /sigstore|cosign|cncf\.notary|in-toto|dsse/;

/**
 * Re-attaches what hangs on changed manifests: each referrer is copied with the new
 * subject, which gives it a digest of its own, and so on for what hangs on it.
 * @returns what stays behind, and why
 */
export async function moveReferrers(options: MoveReferrersOptions): Promise<readonly LeftReferrer[]> {
  const left: LeftReferrer[] = [];
  const queue = options.changes.filter(({ role }) => role === "manifest" || role === "index");
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  let seen = 0;
  for (let change = queue.shift(); change; change = queue.shift()) {
    for await (const referrer of options.source.referrers(change.from, signal)) {
      seen += 1;
      if (seen > Limits.referrers) {
        throw new OciError("LIMIT_EXCEEDED", `More than ${Limits.referrers} referrers hang on the changed manifests`);
      }
      const reason = reasonToStay(referrer, options.referrers ?? false);
      const moved = reason === undefined ? await move(referrer.descriptor, change, options, signal) : undefined;
      if (moved) {
        options.changes.push(moved);
        queue.push(moved);
      } else {
        left.push({ subject: change.from, descriptor: referrer.descriptor, reason: reason ?? "opaque" });
      }
    }
  }
  return left;
}

function reasonToStay({ descriptor, via }: Referrer, asked: boolean): LeftReferrer["reason"] | undefined {
  if (!asked) return "not-asked";
  if (via === "digest-tag") return "digest-tag";
  return STATEMENT.test(descriptor.artifactType ?? "") ? "statement" : undefined;
}

async function move(
  descriptor: Descriptor,
  change: NodeChange,
  options: MoveReferrersOptions,
  signal: Signal,
): Promise<NodeChange | undefined> {
  const { source, target, writer } = options;
  const { manifest, document } = await readManifest(source, descriptor, signal);
  if (manifest.form !== "image" && manifest.form !== "index") return undefined;
  for (const edge of manifestEdges(manifest)) await carry(edge, options, signal);
  const { mediaType, digest, size } = change.to;
  const subject = withFields(objectField(document, "subject"), { mediaType, digest, size, data: undefined });
  const edited = withFields(document, { subject });
  const { descriptor: to, subjectHandled } = await writer.manifest(edited, descriptor.mediaType, true);
  if (!subjectHandled && options.dryRun !== true) {
    const listed = referrerDescriptor({ ...manifest, subject: change.to }, to);
    await target.listReferrers?.([{ subject: change.to, add: [listed], remove: [] }], signal);
  }
  return { role: "referrer", from: descriptor, to };
}

async function carry(edge: Edge, options: MoveReferrersOptions, signal: Signal): Promise<void> {
  const { source, target, writer } = options;
  if (edge.role === "subject") return;
  if (edge.kind === "blob") return writer.carry(edge.descriptor, source);
  if (options.dryRun === true) return;
  const { mediaType, digest, size } = edge.descriptor;
  const roots = [{ descriptor: { mediaType, digest, size }, tags: [] }];
  await copy({ source, target, roots, referrers: false, ...signal });
}
