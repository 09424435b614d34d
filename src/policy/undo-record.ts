import { algorithmOf, type Digest, encodedOf } from "../spec/digest.ts";
import type { JsonObject } from "../spec/json.ts";
import { encodeTarget, type PromotionRecord } from "./promotion-record.ts";

/** The predicate type of the record of an undone promotion, an in-toto statement about the manifest that was promoted. */
export const UNDO_PREDICATE = "https://berth.dev/attestation/promotion-undo/v1";

/** A tag that was put back. */
export interface RestoredTag {
  readonly name: string;
  readonly from: Digest;
  /** Null: it is gone, as it was before. */
  readonly to: Digest | null;
}

/** Which promotion was undone, what was put back, by whom and when. */
export interface UndoRecord {
  /** RFC 3339. */
  readonly undoneAt: string;
  readonly by: Readonly<Record<string, string>>;
  /** What the record of the promotion says. */
  readonly promotion: PromotionRecord;
  /** The referrer with that record. */
  readonly promotionRecord: Digest;
  readonly tags: readonly RestoredTag[];
  /** Tags of the promotion that somebody has moved since. */
  readonly left: readonly string[];
}

export function encodeUndo({ undoneAt, by, promotion, promotionRecord, tags, left }: UndoRecord): JsonObject {
  const { promotedAt, source, target } = promotion;
  return {
    undoneAt,
    by,
    promotion: {
      record: { digest: { [algorithmOf(promotionRecord)]: encodedOf(promotionRecord) } },
      promotedAt,
      source: { reference: source },
    },
    target: encodeTarget(target),
    tags: tags.map(({ name, from, to }) => ({ name, from, to })),
    left,
  };
}
