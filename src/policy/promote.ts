import { OciError } from "../error/oci-error.ts";
import type { Step } from "../graph/step.ts";
import { membersOf } from "../sign/members.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { isSameContent } from "../spec/layout-index-edit.ts";
import type { Signal } from "../store/content.ts";
import type { Source, Store } from "../store/store.ts";
import { copy, type CopyOptions, planCopy } from "../transfer/copy.ts";
import type { OnTransferEvent } from "../transfer/event.ts";
import type { Summary } from "../transfer/summary.ts";
import { eachOf } from "../transfer/workers.ts";
import type { Decision } from "./decision.ts";
import type { PolicyEngine } from "./engine.ts";
import { movingWithRecord, type PromotedBy } from "./leave-record.ts";
import type { Place } from "./match.ts";
import { moveTags, tagAt, type TagMove, withData } from "./move-tags.ts";
import { listAhead, pinReferrers } from "./pinned-source.ts";
import { encodeRecord, PROMOTION_PREDICATE, type PromotedTag } from "./promotion-record.ts";

export interface PromoteOptions extends Signal {
  readonly source: Source;
  /** Opens the target, once it is allowed: what is refused leaves no trace there. */
  readonly target: () => Promise<Store>;
  /** Resolved at the source. */
  readonly subject: Descriptor;
  /** What the rules see of the target, with the tags that are to move there: at least one. */
  readonly place: Place;
  readonly engine: PolicyEngine;
  /** The source as the record names it. */
  readonly from: string;
  /** The moment that ages are told by, and of the record; now, when absent. */
  readonly now?: Date;
  readonly concurrency?: number;
  readonly onEvent?: OnTransferEvent;
}

/** What a promotion did. */
export interface Promotion {
  readonly copied: Summary;
  /** Tags that moved; those that were right already are left out. */
  readonly moved: readonly PromotedTag[];
  /** The referrer with the record; absent where no tag had to move. */
  readonly record?: Descriptor;
  /** The target held each tag to where it was found. */
  readonly guarded: boolean;
}

/** A promotion that was judged, and not begun. */
export interface PreparedPromotion {
  readonly decision: Decision;
  /** Where the tags are now, and where they would be; none where it is refused. */
  readonly tags: readonly TagMove[];
  /** What would be copied. @throws OciError REFUSED */
  steps(): AsyncIterable<Step>;
  /**
   * Copies what was judged, leaves the record, and moves the tags, last and together.
   * @throws OciError REFUSED where the policy does; CONFLICT where a tag has moved meanwhile; what copying and signing throw
   */
  run(by: PromotedBy): Promise<Promotion>;
}

/** Tags looked up at a time. */
const AT_A_TIME = 8;

/**
 * Judges the whole graph at the source, and finds where the tags are at the target. Nothing is written.
 * @throws OciError USAGE without a tag, and what source and target throw
 */
export async function preparePromotion(options: PromoteOptions): Promise<PreparedPromotion> {
  const { engine, place, now = new Date(), signal, concurrency, onEvent } = options;
  const waits: Signal = signal ? { signal } : {};
  if (place.tags.length === 0) throw new OciError("USAGE", "Expected at least one tag to promote to, got none");
  const source = pinReferrers(options.source);
  const subject = bareDescriptor(options.subject);
  const decision = await engine.decide({ source, subject, ...place, now, ...waits });
  if (!decision.allowed) return refused(decision);
  const target = await options.target();
  const tags: TagMove[] = [];
  await listAhead(source, await membersOf(source, subject, waits), waits);
  await eachOf([...new Set(place.tags)].entries(), AT_A_TIME, async ([at, tag]) => {
    tags[at] = { tag, from: await tagAt(target, tag, waits), to: subject };
  });
  const copying: CopyOptions = {
    source,
    target,
    roots: [{ descriptor: subject, tags: [] }],
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(onEvent ? { onEvent } : {}),
    ...waits,
  };
  return {
    decision,
    tags,
    steps: () => planCopy(copying),
    async run(by) {
      const copied = await copy(copying);
      const open = tags.filter(({ from, to }) => !(from && to && isSameContent(from, to)));
      const moved = open.map(({ tag, from }): PromotedTag => ({ name: tag, previous: from?.digest ?? null }));
      if (open.length === 0) return { copied, moved, guarded: true };
      const predicate = encodeRecord({
        promotedAt: now.toISOString(),
        source: options.from,
        target: place,
        tags: moved,
        policy: decision.policy,
        rules: decision.rules.map(({ rule }) => rule),
        by: by.facts,
      });
      const record = {
        subject,
        place,
        signer: by.signer,
        predicateType: PROMOTION_PREDICATE,
        predicate,
        now,
        ...waits,
      };
      return movingWithRecord(target, record, async () => {
        const named = target.location.medium === "registry" ? await withData(source, subject, waits) : subject;
        const moves = open.map((move) => ({ ...move, to: named }));
        return { copied, moved, ...(await moveTags(target, moves, waits)) };
      });
    },
  };
}

function refused(decision: Decision): PreparedPromotion {
  const refuse = (): never => {
    throw new OciError("REFUSED", `The policy refuses it: ${decision.reason ?? ""}`, { digest: decision.digest });
  };
  return { decision, tags: [], steps: refuse, run: async () => refuse() };
}
