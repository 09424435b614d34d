import { predicateTypeOf } from "../sign/statement.ts";
import type { Annotations } from "../spec/descriptor.ts";
import {
  type AttestationRule,
  type DocumentRule,
  type Exception,
  SBOM_FORMATS,
  type SbomRule,
  SCAN_FORMATS,
  type ScanRule,
  type SignatureRule,
} from "./evidence-rules.ts";
import type { Expression } from "./expression.ts";
import {
  booleanOf,
  countOf,
  durationOf,
  endOf,
  entriesOf,
  Fields,
  listOf,
  textOf,
  textsOf,
  wordOf,
  wordsOf,
} from "./fields.ts";
import type { LicenseRule } from "./license-rule.ts";
import { type Located, wrong } from "./located.ts";
import type { Policy } from "./policy.ts";
import { SEVERITIES, type Severity } from "./severity.ts";
import { parseTextPattern } from "./text-pattern.ts";
import { PLACES, type Where } from "./where.ts";

type Identities = Policy["identities"];

function whereOf(fields: Fields): Where {
  return fields.read("on", (node, what) => wordOf(node, what, PLACES)) ?? "children";
}

function namesIn(node: Located, identities: Identities): readonly string[] {
  const names = textsOf(node, "by");
  for (const name of names) {
    if (!Object.hasOwn(identities, name)) throw wrong(node, `there is no identity ${JSON.stringify(name)}`);
  }
  if (new Set(names).size < names.length) throw wrong(node, "by names somebody twice");
  return names;
}

/** @throws OciError FILE_INVALID */
function signersOf(fields: Fields, identities: Identities): { by: readonly string[]; threshold: number } {
  const by = namesIn(fields.need("by"), identities);
  const threshold = fields.read("threshold", countOf) ?? 1;
  const keys = by.every((name) => identities[name]?.kind === "key");
  if (keys && threshold > by.length) {
    throw wrong(fields.need("threshold"), `a threshold of ${threshold} needs as many keys, got ${by.length}`);
  }
  return { by, threshold };
}

/** @throws OciError FILE_INVALID */
export function parseSignature(node: Located, identities: Identities): SignatureRule {
  const fields = new Fields(node, "signature", ["by", "threshold", "annotations", "on"]);
  const annotations = fields.read("annotations", (each, what): Annotations =>
    Object.fromEntries([...entriesOf(each, what)].map(([key, value]) => [key, textOf(value, key)])),
  );
  return { ...signersOf(fields, identities), annotations: annotations ?? {}, on: whereOf(fields) };
}

/** @throws OciError FILE_INVALID */
export async function parseAttestation(
  node: Located,
  identities: Identities,
  conditionOf: (node: Located, scope: "attestation") => Promise<Expression>,
): Promise<AttestationRule> {
  const fields = new Fields(node, "attestation", ["by", "threshold", "type", "where", "on"]);
  const written = fields.need("type");
  const where = fields.get("where");
  return {
    ...signersOf(fields, identities),
    type: orWrong(written, () => predicateTypeOf(textOf(written, "type"))),
    ...(where === undefined ? {} : { where: await conditionOf(where, "attestation") }),
    on: whereOf(fields),
  };
}

function orWrong<T>(node: Located, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw wrong(node, error instanceof Error ? error.message : "it cannot be read");
  }
}

const DOCUMENT_KEYS = ["by", "artifactTypes", "on"];

function documentRule(fields: Fields, identities: Identities): DocumentRule {
  const by = fields.read("by", (node) => namesIn(node, identities));
  return {
    ...(by === undefined ? {} : { by }),
    artifactTypes: fields.read("artifactTypes", textsOf) ?? [],
    on: whereOf(fields),
  };
}

/** @throws OciError FILE_INVALID */
export function parseSbom(node: Located, identities: Identities): SbomRule {
  const fields = new Fields(node, "sbom", ["formats", ...DOCUMENT_KEYS]);
  return {
    ...documentRule(fields, identities),
    formats: fields.read("formats", (each, what) => wordsOf(each, what, SBOM_FORMATS)) ?? SBOM_FORMATS,
  };
}

/** @throws OciError FILE_INVALID */
export function parseScan(node: Located, identities: Identities): ScanRule {
  const keys = ["formats", "maxAge", "maxSeverity", "fixableOnly", "ignore", ...DOCUMENT_KEYS];
  const fields = new Fields(node, "scan", keys);
  const maxAge = fields.read("maxAge", durationOf);
  const severities = SEVERITIES.filter((severity): severity is Severity => severity !== "unknown");
  return {
    ...documentRule(fields, identities),
    formats: fields.read("formats", (each, what) => wordsOf(each, what, SCAN_FORMATS)) ?? SCAN_FORMATS,
    ...(maxAge === undefined ? {} : { maxAge }),
    maxSeverity: wordOf(fields.need("maxSeverity"), "maxSeverity", severities),
    fixableOnly: fields.read("fixableOnly", booleanOf) ?? false,
    ignore: (fields.read("ignore", listOf) ?? []).map(exceptionOf),
  };
}

function exceptionOf(node: Located): Exception {
  const fields = new Fields(node, "an exception", ["id", "package", "until", "reason"]);
  const name = fields.read("package", textOf);
  return {
    id: textOf(fields.need("id"), "id"),
    ...(name === undefined ? {} : { package: name }),
    until: endOf(fields.need("until"), "until"),
    reason: textOf(fields.need("reason"), "reason"),
  };
}

/** @throws OciError FILE_INVALID */
export function parseLicenses(node: Located, identities: Identities): LicenseRule {
  const fields = new Fields(node, "licenses", ["allow", "deny", "unknown", "except", ...DOCUMENT_KEYS]);
  const patterns = (key: string): LicenseRule["allow"] => (fields.read(key, textsOf) ?? []).map(parseTextPattern);
  const [allow, deny] = [patterns("allow"), patterns("deny")];
  if (allow.length + deny.length === 0) throw wrong(node, "licenses needs allow or deny");
  return {
    ...documentRule(fields, identities),
    allow,
    deny,
    unknown: fields.read("unknown", (each, what) => wordOf(each, what, ["refuse", "allow"])) ?? "refuse",
    except: patterns("except"),
  };
}
