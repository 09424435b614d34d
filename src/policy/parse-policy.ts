import { digestOf } from "../bytes/hash.ts";
import { OciError } from "../error/oci-error.ts";
import { type Workflow, WORKFLOW_FACTS } from "../sign/workflow.ts";
import { Limits } from "../spec/limits.ts";
import { type NamePattern, parseNamePattern } from "../spec/name-pattern.ts";
import { booleanOf, entriesOf, Fields, listOf, textOf, textsOf, wordOf } from "./fields.ts";
import { type Located, parseLocated, wrong } from "./located.ts";
import { parseRequirement } from "./parse-requirement.ts";
import { platformsOf } from "./platform-list.ts";
import type { Identity, IdentityText, Match, Policy, Rule } from "./policy.ts";
import { parseTextPattern, type TextPattern } from "./text-pattern.ts";

export interface ParsePolicyOptions {
  /** What messages call it; "policy" when absent. */
  readonly file?: string;
}

const IDENTITY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * Reads a policy: YAML, strictly. What it does not know is an error, with its line.
 * @throws OciError FILE_INVALID, LIMIT_EXCEEDED
 */
export async function parsePolicy(bytes: Uint8Array, { file = "policy" }: ParsePolicyOptions = {}): Promise<Policy> {
  if (bytes.length > Limits.policy) {
    throw new OciError("LIMIT_EXCEEDED", `The policy ${file} is larger than ${Limits.policy} bytes`);
  }
  const fields = new Fields(withoutAnchors(await parseLocated(decode(bytes, file), file)), "the policy", [
    "version",
    "default",
    "identities",
    "rules",
  ]);
  const version = fields.need("version");
  if (version.value !== 1) throw wrong(version, "version must be 1");
  const identities = fields.read("identities", identitiesOf) ?? {};
  const rules: Rule[] = [];
  for (const node of listOf(fields.need("rules"), "rules")) {
    const rule = await ruleOf(node, identities);
    if (rules.some(({ name }) => name === rule.name)) throw wrong(node, `there are two rules named ${rule.name}`);
    rules.push(rule);
  }
  return {
    digest: digestOf(bytes),
    default: fields.read("default", (node, what) => wordOf(node, what, ["deny", "allow"])) ?? "deny",
    identities,
    rules,
  };
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new OciError("FILE_INVALID", `Invalid policy ${file}: not valid UTF-8`, { cause });
  }
}

/** Keys that begin with `x-` are a place for anchors, as elsewhere in YAML files. */
function withoutAnchors(node: Located): Located {
  const entries = entriesOf(node, "the policy");
  return { ...node, value: new Map([...entries].filter(([key]) => !key.startsWith("x-"))) };
}

function identitiesOf(node: Located): Readonly<Record<string, Identity>> {
  const identities: Record<string, Identity> = {};
  for (const [name, value] of entriesOf(node, "identities")) {
    if (!IDENTITY_NAME.test(name)) throw wrong(value, "an identity's name is made of letters, digits and . _ -");
    identities[name] = identityOf(value, `identity ${name}`);
  }
  return identities;
}

function identityOf(node: Located, what: string): Identity {
  const fields = new Fields(node, what, ["key", "keyless", "notation"]);
  const given = ["key", "keyless", "notation"].filter((key) => fields.get(key) !== undefined);
  if (given.length !== 1) throw wrong(node, `${what} must be one of key, keyless, notation`);
  const key = fields.read("key", textOf);
  if (key !== undefined) return { kind: "key", key };
  const keyless = fields.get("keyless");
  if (keyless) {
    const inner = new Fields(keyless, "keyless", [
      "issuer",
      "issuerRegexp",
      "identity",
      "identityRegexp",
      "workflow",
      "trustedRoot",
    ]);
    const trustedRoot = inner.read("trustedRoot", textOf);
    const workflow = inner.read("workflow", workflowOf);
    return {
      kind: "keyless",
      issuer: identityText(inner, "issuer"),
      identity: identityText(inner, "identity"),
      ...(workflow === undefined ? {} : { workflow }),
      ...(trustedRoot === undefined ? {} : { trustedRoot }),
    };
  }
  const notation = new Fields(fields.need("notation"), "notation", ["trustPolicy", "trustStore"]);
  return {
    kind: "notation",
    trustPolicy: textOf(notation.need("trustPolicy"), "trustPolicy"),
    trustStore: textOf(notation.need("trustStore"), "trustStore"),
  };
}

function workflowOf(node: Located): Workflow {
  const fields = new Fields(node, "workflow", WORKFLOW_FACTS);
  const facts = WORKFLOW_FACTS.flatMap((fact) => {
    const value = fields.read(fact, textOf);
    return value === undefined ? [] : [[fact, value] as const];
  });
  if (facts.length > 0) return Object.fromEntries(facts);
  throw wrong(node, `workflow says nothing: expected some of ${WORKFLOW_FACTS.join(", ")}`);
}

function identityText(fields: Fields, key: "issuer" | "identity"): IdentityText {
  const text = fields.read(key, textOf);
  const pattern = fields.get(`${key}Regexp`);
  if ((text === undefined) === (pattern === undefined)) {
    throw wrong(fields.node, `keyless needs either ${key} or ${key}Regexp`);
  }
  if (pattern === undefined) return { text: text ?? "" };
  const regexp = textOf(pattern, `${key}Regexp`);
  try {
    return { regexp: new RegExp(`^(?:${regexp})$`, "u") instanceof RegExp ? regexp : "" };
  } catch {
    throw wrong(pattern, `${key}Regexp is no regular expression`);
  }
}

async function ruleOf(node: Located, identities: Policy["identities"]): Promise<Rule> {
  const known = ["name", "repositories", "tags", "registries", "except", "children", "allow", "require"];
  const fields = new Fields(node, "a rule", known);
  const name = textOf(fields.need("name"), "name");
  const allow = fields.read("allow", booleanOf) ?? false;
  const required = fields.get("require");
  if (allow === (required !== undefined)) {
    throw wrong(node, `rule ${name} needs require, or allow: true where nothing is asked`);
  }
  const children = fields.read("children", platformsOf);
  const require = required === undefined ? [] : listOf(required, "require");
  if (!allow && require.length === 0) throw wrong(required ?? node, `rule ${name} requires nothing: say allow: true`);
  return {
    name,
    line: node.line,
    match: matchOf(fields),
    ...(children === undefined ? {} : { children }),
    allow,
    require: await Promise.all(require.map((each) => parseRequirement(each, identities))),
  };
}

function matchOf(fields: Fields): Match {
  const tags = fields.read("tags", patternsOf);
  const registries = fields.read("registries", patternsOf);
  const except = fields.read("except", (node) => new Fields(node, "except", ["repositories", "tags"]));
  return {
    repositories: namesOf(fields.need("repositories"), "repositories"),
    ...(tags === undefined ? {} : { tags }),
    ...(registries === undefined ? {} : { registries }),
    except: {
      repositories: except?.read("repositories", namesOf) ?? [],
      tags: except?.read("tags", patternsOf) ?? [],
    },
  };
}

function namesOf(node: Located, what: string): readonly NamePattern[] {
  return textsOf(node, what).map((text) => {
    try {
      return parseNamePattern(text);
    } catch (error) {
      throw wrong(node, error instanceof Error ? error.message : what);
    }
  });
}

function patternsOf(node: Located, what: string): readonly TextPattern[] {
  return textsOf(node, what).map(parseTextPattern);
}
