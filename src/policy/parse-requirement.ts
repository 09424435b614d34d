import { isDigest } from "../spec/digest.ts";
import { shownJson } from "../spec/json.ts";
import { entriesOf, durationOf, Fields, sizeOf, textOf, textsOf, wordOf } from "./fields.ts";
import { compileExpression, type Expression, type ExpressionScope } from "./expression.ts";
import { type Located, wrong } from "./located.ts";
import { parseAttestation, parseLicenses, parseSbom, parseScan, parseSignature } from "./parse-evidence.ts";
import { platformsOf } from "./platform-list.ts";
import type { Policy, Requirement, RequirementKind, TextRules } from "./policy.ts";
import { parseTextPattern } from "./text-pattern.ts";
import { PLACES } from "./where.ts";

type Identities = Policy["identities"];
type Parser = (node: Located, identities: Identities) => Requirement | Promise<Requirement>;

/** Reads one entry of `require`: a mapping with one key, which says what is asked. @throws OciError FILE_INVALID */
export async function parseRequirement(node: Located, identities: Identities): Promise<Requirement> {
  const [entry, ...more] = entriesOf(node, "an entry of require");
  if (entry === undefined || more.length > 0) {
    throw wrong(node, `an entry of require has one key, one of ${Object.keys(PARSERS).join(", ")}`);
  }
  const [kind, value] = entry;
  const parser = Object.hasOwn(PARSERS, kind) ? PARSERS[kind as RequirementKind] : undefined;
  if (parser) return parser(value, identities);
  throw wrong(value, `unknown requirement ${shownJson(kind)}, expected one of ${Object.keys(PARSERS).join(", ")}`);
}

const PARSERS: Readonly<Record<RequirementKind, Parser>> = {
  signature: (node, identities) => ({ kind: "signature", line: node.line, ...parseSignature(node, identities) }),
  attestation: async (node, identities) => ({
    kind: "attestation",
    line: node.line,
    ...(await parseAttestation(node, identities, conditionOf)),
  }),
  sbom: (node, identities) => ({ kind: "sbom", line: node.line, ...parseSbom(node, identities) }),
  scan: (node, identities) => ({ kind: "scan", line: node.line, ...parseScan(node, identities) }),
  licenses: (node, identities) => ({ kind: "licenses", line: node.line, ...parseLicenses(node, identities) }),
  labels: (node) => ({ kind: "labels", line: node.line, labels: textRules(node, "labels") }),
  annotations: parseAnnotationRules,
  base: parseBase,
  platforms: parsePlatforms,
  age: (node) => ({
    kind: "age",
    line: node.line,
    max: durationOf(new Fields(node, "age", ["max"]).need("max"), "max"),
  }),
  size: (node) => ({
    kind: "size",
    line: node.line,
    max: sizeOf(new Fields(node, "size", ["max"]).need("max"), "max"),
  }),
  expression: parseExpression,
};

function textRules(node: Located, what: string): TextRules {
  const entries = [...entriesOf(node, what)].map(
    ([key, value]) => [key, parseTextPattern(textOf(value, key))] as const,
  );
  if (entries.length === 0) throw wrong(node, `${what} must not be empty`);
  return Object.fromEntries(entries);
}

function parseAnnotationRules(node: Located): Requirement {
  const fields = new Fields(node, "annotations", ["match", "on"]);
  return {
    kind: "annotations",
    line: node.line,
    annotations: textRules(fields.need("match"), "match"),
    on: fields.read("on", (each, what) => wordOf(each, what, PLACES)) ?? "children",
  };
}

function parseBase(node: Located): Requirement {
  const fields = new Fields(node, "base", ["names", "digests"]);
  const names = (fields.read("names", textsOf) ?? []).map(parseTextPattern);
  const written = fields.read("digests", textsOf) ?? [];
  const digests = written.filter(isDigest);
  if (digests.length < written.length) throw wrong(node, "digests must be digests, such as sha256:…");
  if (names.length + digests.length === 0) throw wrong(node, "base needs names or digests");
  return { kind: "base", line: node.line, names, digests };
}

function parsePlatforms(node: Located): Requirement {
  const fields = new Fields(node, "platforms", ["include", "only"]);
  const include = fields.read("include", platformsOf) ?? [];
  const only = fields.read("only", platformsOf);
  if (include.length === 0 && only === undefined) throw wrong(node, "platforms needs include or only");
  return { kind: "platforms", line: node.line, include, ...(only === undefined ? {} : { only }) };
}

async function parseExpression(node: Located): Promise<Requirement> {
  const fields = new Fields(node, "expression", ["where", "message"]);
  const message = fields.read("message", textOf);
  return {
    kind: "expression",
    line: node.line,
    where: await conditionOf(fields.need("where"), "image"),
    ...(message === undefined ? {} : { message }),
  };
}

/** A condition in CEL. @throws OciError FILE_INVALID */
async function conditionOf(node: Located, scope: ExpressionScope): Promise<Expression> {
  const text = textOf(node, "where");
  try {
    return await compileExpression(text, scope);
  } catch (error) {
    throw wrong(node, `the expression cannot be taken: ${error instanceof Error ? error.message : ""}`);
  }
}
