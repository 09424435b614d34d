/** Policies: what has to be true of an image, and hang on it, before it is used, copied or promoted. */
export type { Decision, Finding, RuleDecision, Verdict } from "./decision.ts";
export {
  type DecideOptions,
  openPolicy,
  type OpenPolicyOptions,
  type OpenVerifier,
  type PolicyEngine,
} from "./engine.ts";
export type { Place } from "./match.ts";
export { parsePolicy, type ParsePolicyOptions } from "./parse-policy.ts";
export { pinReferrers } from "./pinned-source.ts";
export type { Identity, IdentityText, Policy, Requirement, RequirementKind, Rule } from "./policy.ts";
export type { Where } from "./where.ts";
