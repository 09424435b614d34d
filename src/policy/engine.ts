import type { Verifier } from "../sign/signer.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { checkRule, isUnreadable } from "./check.ts";
import type { Decision, RuleDecision } from "./decision.ts";
import { HeldSource } from "./held-source.ts";
import { applies, type Place } from "./match.ts";
import type { Identity, Policy, Rule } from "./policy.ts";
import { type PolicySubject, readSubject } from "./subject.ts";

/**
 * Opens the keys and roots of an identity; `name` is what the policy calls it. What it gives makes the verifier for a
 * place: whom a notation trust policy trusts depends on the repository.
 */
export type OpenVerifier = (identity: Identity, name: string) => Promise<(place: Place) => Verifier>;

export interface OpenPolicyOptions {
  readonly openVerifier: OpenVerifier;
}

export interface DecideOptions extends Place, Signal {
  readonly source: Pick<Source, "fetch" | "referrers">;
  /** Resolved: nothing is asked by a name. */
  readonly subject: Descriptor;
  /** The moment that ages are told by; now, when absent. */
  readonly now?: Date;
}

/** A policy with the keys and roots that it names. */
export interface PolicyEngine {
  readonly policy: Policy;
  /**
   * Judges one manifest with all that is in it and hangs on it. What is missing, unreadable or cannot be evaluated is
   * refused, and so is what no rule is about unless the policy says otherwise.
   * @throws OciError what the source and the verifiers throw where they fail: nothing is allowed then
   */
  decide(options: DecideOptions): Promise<Decision>;
  /** Whether any rule is about a repository, or what becomes of those that none is about. */
  concerns(place: Pick<Place, "repository" | "registry">): boolean;
}

/**
 * Opens the keys and roots of every identity that a rule names.
 * @throws OciError what `openVerifier` throws
 */
export async function openPolicy(policy: Policy, { openVerifier }: OpenPolicyOptions): Promise<PolicyEngine> {
  const verifiers = new Map<string, (place: Place) => Verifier>();
  for (const name of namedIn(policy.rules)) {
    const identity = policy.identities[name];
    if (identity) verifiers.set(name, await openVerifier(identity, name));
  }
  return {
    policy,
    decide: (options) => decide(policy, verifiers, options),
    concerns: ({ repository, registry }) =>
      policy.rules.some(({ match }) =>
        applies(match, { repository, tags: [], ...(registry === undefined ? {} : { registry }) }),
      ),
  };
}

function namedIn(rules: readonly Rule[]): ReadonlySet<string> {
  return new Set(rules.flatMap(({ require }) => require.flatMap((each) => ("by" in each ? (each.by ?? []) : []))));
}

async function decide(
  policy: Policy,
  opened: ReadonlyMap<string, (place: Place) => Verifier>,
  { source, subject, now = new Date(), signal, repository, registry, tags }: DecideOptions,
): Promise<Decision> {
  const place: Place = { repository, tags, ...(registry === undefined ? {} : { registry }) };
  const facts = {
    ...place,
    digest: subject.digest,
    mediaType: subject.mediaType,
    policy: policy.digest,
    decidedAt: now.toISOString(),
  };
  const rules = policy.rules.filter(({ match }) => applies(match, place));
  if (rules.length === 0) {
    const reason = `no rule is about ${registry === undefined ? "" : `${registry}/`}${repository}`;
    return { ...facts, allowed: policy.default === "allow", reason, rules: [] };
  }
  const held = new HeldSource(source, signal ? { signal } : {});
  let read: PolicySubject;
  try {
    read = await readSubject(held, subject);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { ...facts, allowed: false, reason: `it cannot be read: ${error.message}`, rules: [] };
  }
  const verifiers = new Map([...opened].map(([name, verifierFor]) => [name, verifierFor(place)]));
  const inquiry = { source: held, subject: read, place, now, verifiers, ...(signal ? { signal } : {}) };
  const decisions: RuleDecision[] = [];
  for (const rule of rules) {
    const findings = await checkRule(rule, inquiry);
    const holds = findings.every((each) => each.holds);
    decisions.push({
      rule: rule.name,
      holds,
      ...(rule.allow ? { reason: "the rule asks for nothing" } : {}),
      findings,
    });
  }
  const failed = decisions.filter(({ holds }) => !holds);
  const [until] = decisions
    .flatMap(({ findings }) => findings.flatMap((each) => (each.holds ? (each.until ?? []) : [])))
    .toSorted();
  return {
    ...facts,
    allowed: failed.length === 0,
    ...(until === undefined ? {} : { until }),
    ...(failed.length === 0 ? {} : { reason: reasonOf(failed) }),
    rules: decisions,
  };
}

function reasonOf(failed: readonly RuleDecision[]): string {
  const lacking = failed.flatMap(({ rule, findings }) =>
    findings.filter(({ holds }) => !holds).map(({ requirement }) => ({ rule, requirement })),
  );
  const [first] = lacking;
  const more = lacking.length > 1 ? `, and ${lacking.length - 1} more` : "";
  return `rule ${first?.rule ?? ""} is not met: ${first?.requirement ?? ""}${more}`;
}
