import { isOciError, OciError } from "../error/oci-error.ts";
import type { Verifier } from "../sign/signer.ts";
import { verifyAttestations } from "../sign/verify.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";
import { movingWithRecord, type PromotedBy } from "./leave-record.ts";
import type { Place } from "./match.ts";
import { moveTags, tagAt, type TagMove } from "./move-tags.ts";
import { isSamePlace, parseRecord, PROMOTION_PREDICATE, type PromotionRecord } from "./promotion-record.ts";
import { encodeUndo, UNDO_PREDICATE } from "./undo-record.ts";

export interface UndoOptions extends Signal {
  readonly target: Store;
  /** What was promoted. */
  readonly subject: Descriptor;
  /** The target as the record names it; with a tag, the newest record that moved it counts. */
  readonly place: Place;
  /** Whose records are believed. */
  readonly verifiers: readonly Verifier[];
  /** The moment of the record; now, when absent. */
  readonly now?: Date;
}

/** What an undone promotion came to. */
export interface Undone {
  /** The target held each tag to where it was found. */
  readonly guarded: boolean;
  /** The referrer with the record of it. */
  readonly record?: Descriptor;
}

/** Tags that can be put back, and those that somebody has moved since. */
export interface PreparedUndo {
  readonly record: PromotionRecord;
  readonly manifest: Descriptor;
  readonly tags: readonly TagMove[];
  readonly left: readonly string[];
  /**
   * Puts the tags back. Whoever signs leaves a record of it on what was promoted; without anybody there is none.
   * @throws OciError CONFLICT, and what the target and signing throw
   */
  run(by?: PromotedBy): Promise<Undone>;
}

/**
 * Finds the newest record of a promotion that somebody who is trusted signed, and what its tags are to go back to.
 * @throws OciError UNVERIFIED where there is no such record, CONFLICT where no tag of it is where it was put,
 *   MANIFEST_UNKNOWN where what they pointed at is gone
 */
export async function prepareUndo(options: UndoOptions): Promise<PreparedUndo> {
  const { target, subject, signal } = options;
  const waits: Signal = signal ? { signal } : {};
  const { record, manifest } = await newestRecord(options);
  const tags: (TagMove & { readonly from: Descriptor })[] = [];
  const left: string[] = [];
  for (const { name, previous } of record.tags) {
    const now = await tagAt(target, name, waits);
    if (!now || now.digest !== subject.digest) left.push(name);
    else {
      const to = previous === null ? null : await formerly(target, name, previous, waits);
      tags.push({ tag: name, from: now, to });
    }
  }
  if (tags.length === 0) {
    throw new OciError("CONFLICT", `None of the tags ${left.join(", ")} is where the promotion put it`, {
      digest: subject.digest,
      hint: "It has been undone already, or somebody else has moved them",
    });
  }
  const move = (): Promise<Undone> => moveTags(target, tags, waits);
  return {
    record,
    manifest,
    tags,
    left,
    async run(by) {
      if (!by) return move();
      const now = options.now ?? new Date();
      const predicate = encodeUndo({
        undoneAt: now.toISOString(),
        by: by.facts,
        promotion: record,
        promotionRecord: manifest.digest,
        tags: tags.map(({ tag, from, to }) => ({ name: tag, from: from.digest, to: to?.digest ?? null })),
        left,
      });
      const { signer } = by;
      const { place } = options;
      return movingWithRecord(
        target,
        { subject, place, signer, predicateType: UNDO_PREDICATE, predicate, now, ...waits },
        move,
      );
    },
  };
}

async function formerly(target: Store, tag: string, digest: Digest, waits: Signal): Promise<Descriptor> {
  try {
    return await target.resolve({ digest }, waits);
  } catch (error) {
    if (!isOciError(error, "MANIFEST_UNKNOWN")) throw error;
    throw new OciError("MANIFEST_UNKNOWN", `${digest}, which ${tag} pointed at before, is not there any more`, {
      cause: error,
      digest,
      hint: "Some registries drop a manifest with its last tag: copy it there again under its digest, and repeat",
    });
  }
}

async function newestRecord({
  target,
  subject,
  place,
  verifiers,
  signal,
}: UndoOptions): Promise<{ readonly record: PromotionRecord; readonly manifest: Descriptor }> {
  const { signatures, reason } = await verifyAttestations({
    source: target,
    subject,
    verifiers,
    predicateType: PROMOTION_PREDICATE,
    ...(signal ? { signal } : {}),
  });
  const records = signatures
    .filter(({ valid }) => valid)
    .flatMap(({ statement, manifest }) => (statement ? [{ record: parseRecord(statement.predicate), manifest }] : []))
    // A copy brings along those of other places.
    .filter(({ record }) => isSamePlace(record.target, place))
    .filter(({ record }) => place.tags.length === 0 || record.tags.some(({ name }) => place.tags.includes(name)))
    .toSorted((one, other) => Date.parse(other.record.promotedAt) - Date.parse(one.record.promotedAt));
  const [newest] = records;
  if (newest) return newest;
  throw new OciError("UNVERIFIED", `There is no record of a promotion to here on ${subject.digest} that counts`, {
    digest: subject.digest,
    hint: reason ?? "Those that hang on it are of other places or tags",
  });
}
