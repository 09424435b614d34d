import type { JsonObject, JsonValue } from "../spec/json.ts";
import {
  momentIn,
  needText,
  objectIn,
  objectsIn,
  type ReportFinding,
  type ScanReport,
  textIn,
  unreadable,
} from "./report.ts";
import { type Severity, severityOf, severityOfScore, worst } from "./severity.ts";

const WHAT = "CycloneDX document";

export function isCycloneDx(document: JsonObject): boolean {
  return document["bomFormat"] === "CycloneDX";
}

/** One that says nothing of vulnerabilities is an SBOM, and no scan that found none. */
export function isCycloneDxScan(document: JsonObject): boolean {
  return isCycloneDx(document) && document["vulnerabilities"] !== undefined;
}

/** Analyses after which a vulnerability does not count (CycloneDX 1.6, "vulnerabilities[].analysis.state"). */
const SETTLED: readonly string[] = ["resolved", "resolved_with_pedigree", "false_positive", "not_affected"];

/** @throws OciError MANIFEST_INVALID, LIMIT_EXCEEDED */
export function readCycloneDxScan(document: JsonObject): ScanReport {
  requireVersion(document);
  const { metadata } = document;
  const about = metadata === undefined || metadata === null ? {} : objectIn(metadata, WHAT, "metadata");
  const createdAt = momentIn(about, "timestamp", WHAT);
  return {
    format: "cyclonedx",
    tool: toolOf(about["tools"]),
    ...(createdAt === undefined ? {} : { createdAt }),
    findings: objectsIn(document["vulnerabilities"], WHAT, "vulnerabilities", { required: true }).map((each, at) =>
      findingOf(each, `vulnerabilities[${at}]`),
    ),
  };
}

/** @throws OciError MANIFEST_INVALID */
export function requireVersion(document: JsonObject): void {
  const version = textIn(document, "specVersion");
  if (version === undefined || !/^1\.\d{1,2}$/.test(version)) throw unreadable(WHAT, "specVersion must be 1.x");
}

function toolOf(tools: JsonValue | undefined): string {
  // A list up to 1.4, an object with components since.
  const listed = Array.isArray(tools)
    ? (tools as readonly JsonValue[])
    : tools !== null && typeof tools === "object" && "components" in tools
      ? tools["components"]
      : [];
  const [first] = objectsIn(listed, WHAT, "metadata.tools");
  return (first && textIn(first, "name")) ?? "unknown";
}

function findingOf(vulnerability: JsonObject, where: string): ReportFinding {
  const ratings = objectsIn(vulnerability["ratings"], WHAT, `${where}.ratings`);
  const affects = objectsIn(vulnerability["affects"], WHAT, `${where}.affects`);
  const { analysis } = vulnerability;
  const { state } = analysis === undefined || analysis === null ? {} : objectIn(analysis, WHAT, `${where}.analysis`);
  const references = objectsIn(vulnerability["references"], WHAT, `${where}.references`);
  const affected = affects[0] && textIn(affects[0], "ref");
  return {
    id: needText(vulnerability, "id", WHAT, where),
    aliases: references.flatMap((each) => textIn(each, "id") ?? []),
    severity: ratings.length === 0 ? "unknown" : worst(ratings.map(ratingOf)),
    // "recommendation" is where trivy and others say what it is fixed in.
    fixable: textIn(vulnerability, "recommendation") !== undefined,
    ...(affected === undefined ? {} : { package: affected }),
    ...(typeof state === "string" && SETTLED.includes(state) ? { dismissed: `${state} in the report` } : {}),
  };
}

function ratingOf(rating: JsonObject): Severity {
  if (textIn(rating, "severity") !== undefined && rating["severity"] !== "unknown")
    return severityOf(rating["severity"]);
  return typeof rating["score"] === "number" ? severityOfScore(rating["score"]) : "unknown";
}
