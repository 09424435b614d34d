import type { JsonObject } from "../spec/json.ts";
import { momentIn, objectIn, objectsIn, type ReportFinding, type ScanReport, textIn, unreadable } from "./report.ts";
import { type Severity, severityOfScore } from "./severity.ts";

const WHAT = "SARIF report";

/** SARIF 2.1.0, which scanners and linters write. */
export function isSarif(document: JsonObject): boolean {
  return document["runs"] !== undefined && (document["version"] !== undefined || "$schema" in document);
}

/** SARIF's own words, where a rule has no score (2.1.0, section 3.27.10). */
const LEVELS: Readonly<Record<string, Severity>> = { error: "high", warning: "medium", note: "low", none: "none" };
/** Verdicts that say that it is no problem (section 3.27.9). */
const HARMLESS: readonly unknown[] = ["pass", "notApplicable", "informational"];

/** @throws OciError MANIFEST_INVALID, LIMIT_EXCEEDED */
export function readSarif(document: JsonObject): readonly ScanReport[] {
  if (document["version"] !== "2.1.0") throw unreadable(WHAT, "version must be 2.1.0");
  const runs = objectsIn(document["runs"], WHAT, "runs", { required: true });
  if (runs.length === 0) throw unreadable(WHAT, "it has no runs");
  return runs.map((run, at) => readRun(run, `runs[${at}]`));
}

function readRun(run: JsonObject, where: string): ScanReport {
  const tool = objectIn(run["tool"], WHAT, `${where}.tool`);
  const driver = objectIn(tool["driver"], WHAT, `${where}.tool.driver`);
  const rules = objectsIn(driver["rules"], WHAT, `${where}.tool.driver.rules`);
  const byId = new Map(rules.flatMap((rule) => (textIn(rule, "id") === undefined ? [] : [[rule["id"], rule]])));
  const invocations = objectsIn(run["invocations"], WHAT, `${where}.invocations`);
  if (invocations.some((each) => each["executionSuccessful"] === false)) {
    throw unreadable(WHAT, `${where} says that the tool failed`);
  }
  const ends = invocations.flatMap((each) => momentIn(each, "endTimeUtc", WHAT) ?? []);
  const createdAt = ends.toSorted((one, other) => one.getTime() - other.getTime())[0];
  // Absent or null: the tool did not look for anything (section 3.14.23), which is no clean bill.
  const results = objectsIn(run["results"], WHAT, `${where}.results`, { required: true });
  return {
    format: "sarif",
    tool: textIn(driver, "name") ?? "unknown",
    ...(createdAt === undefined ? {} : { createdAt }),
    findings: results
      .filter((result) => !HARMLESS.includes(result["kind"]))
      .map((result, at) => findingOf(result, ruleOf(result, rules, byId), `${where}.results[${at}]`)),
  };
}

function ruleOf(
  result: JsonObject,
  rules: readonly JsonObject[],
  byId: ReadonlyMap<unknown, JsonObject>,
): JsonObject | undefined {
  const index = result["ruleIndex"];
  const pointed = typeof index === "number" && index >= 0 ? rules[index] : undefined;
  return pointed ?? byId.get(result["ruleId"]);
}

function findingOf(result: JsonObject, rule: JsonObject | undefined, where: string): ReportFinding {
  const id = textIn(result, "ruleId") ?? (rule ? textIn(rule, "id") : undefined);
  if (id === undefined) throw unreadable(WHAT, `${where} names no rule`);
  const suppressions = objectsIn(result["suppressions"], WHAT, `${where}.suppressions`);
  const accepted = suppressions.find((each) => each["status"] === undefined || each["status"] === "accepted");
  return {
    id,
    aliases: [],
    severity: scoreOf(result) ?? scoreOf(rule) ?? levelOf(result, rule),
    fixable: true,
    ...(accepted ? { dismissed: textIn(accepted, "justification") ?? "suppressed in the report" } : {}),
  };
}

/** GitHub's extension, a CVSS score as text, which grype, trivy and others write. */
function scoreOf(holder: JsonObject | undefined): Severity | undefined {
  const properties = holder?.["properties"];
  if (properties === null || typeof properties !== "object" || Array.isArray(properties)) return undefined;
  const score = (properties as JsonObject)["security-severity"];
  if (score === undefined || score === null || score === "") return undefined;
  return severityOfScore(Number(score));
}

function levelOf(result: JsonObject, rule: JsonObject | undefined): Severity {
  const configuration = rule?.["defaultConfiguration"];
  const own = textIn(result, "level");
  const ofRule =
    configuration !== null && typeof configuration === "object" && !Array.isArray(configuration)
      ? textIn(configuration as JsonObject, "level")
      : undefined;
  const level = own ?? ofRule ?? "warning";
  return Object.hasOwn(LEVELS, level) ? (LEVELS[level] ?? "unknown") : "unknown";
}
