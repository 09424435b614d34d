/** Policies: what has to be true of an image, and hang on it, before it is used, copied or promoted. */
export type { Decision, Finding, RuleDecision, Verdict } from "./decision.ts";
export {
  type DecideOptions,
  openPolicy,
  type OpenPolicyOptions,
  type OpenVerifier,
  type PolicyEngine,
} from "./engine.ts";
export type { PromotedBy } from "./leave-record.ts";
export type { Place } from "./match.ts";
export { type PreparedPromotion, preparePromotion, type PromoteOptions, type Promotion } from "./promote.ts";
export { type PromotedTag, PROMOTION_PREDICATE, type PromotionRecord } from "./promotion-record.ts";
export type { TagMove } from "./move-tags.ts";
export { type PreparedUndo, prepareUndo, type Undone, type UndoOptions } from "./undo.ts";
export { UNDO_PREDICATE } from "./undo-record.ts";
export { parsePolicy, type ParsePolicyOptions } from "./parse-policy.ts";
export { pinReferrers } from "./pinned-source.ts";
export type { Identity, IdentityText, Policy, Requirement, RequirementKind, Rule } from "./policy.ts";
export type { Where } from "./where.ts";
