import { isOciError } from "../error/oci-error.ts";
import type { Verdict } from "./decision.ts";
import { documentsOn, SCAN_TYPES } from "./documents.ts";
import type { Exception, ScanRule } from "./evidence-rules.ts";
import { CLOCK_SKEW, endingAt, type Inquiry } from "./inquiry.ts";
import { readScan } from "./read-scan.ts";
import type { ReportFinding, ScanReport } from "./report.ts";
import { isWorse, worst } from "./severity.ts";
import type { SubjectNode } from "./subject.ts";

/** A scan with the moment it was made at. */
interface Dated extends ScanReport {
  readonly createdAt: Date;
  readonly where: string;
}

/** Findings that are told of; the rest is counted. */
const TOLD = 10;

/**
 * Of each tool the newest scan counts: it has to be young enough and without anything too severe. A report that cannot
 * be read or has no date refuses the image: it might be the newest.
 */
export async function checkScan(rule: ScanRule, node: SubjectNode, inquiry: Inquiry): Promise<Verdict> {
  const { reports, problems } = await scansOn(rule, node, inquiry);
  if (problems.length > 0) {
    return { holds: false, found: `${reports.length} scans that can be read`, missing: problems.join("; ") };
  }
  const by = rule.by ? ` attested by ${rule.by.join(" or ")}` : "";
  if (reports.length === 0)
    return { holds: false, found: "no scan", missing: `a scan (${rule.formats.join(", ")})${by}` };
  const newest = newestOfEach(reports);
  const { maxAge } = rule;
  const oldest = maxAge === undefined ? Number.NEGATIVE_INFINITY : inquiry.now.getTime() - maxAge;
  const fresh = newest.filter(({ createdAt }) => createdAt.getTime() >= oldest);
  const found = newest.map(describe).join(", ");
  if (fresh.length === 0) {
    return { holds: false, found, missing: `a scan made since ${new Date(oldest).toISOString()}${by}` };
  }
  const judged = fresh.flatMap(({ findings }) => findings.map((finding) => judge(finding, rule, inquiry.now)));
  const offending = judged.filter(({ counts }) => counts);
  const details = {
    findings: offending.slice(0, 1000).map(({ finding: { id, severity, package: name, version } }) => ({
      id,
      severity,
      ...(name === undefined ? {} : { package: name }),
      ...(version === undefined ? {} : { version }),
    })),
    count: offending.length,
  };
  const passedOver = judged.filter(({ passed }) => passed).length;
  const told = passedOver === 0 ? found : `${found}; ${passedOver} passed over`;
  if (offending.length === 0) return { holds: true, found: told, ...endOf(fresh, judged, maxAge), details };
  const named = [...new Set(offending.map(nameOf))];
  const more = named.length > TOLD ? `, and ${named.length - TOLD} more` : "";
  return {
    holds: false,
    found: told,
    missing: `nothing above ${rule.maxSeverity}: ${named.slice(0, TOLD).join(", ")}${more}`,
    details,
  };
}

async function scansOn(
  rule: ScanRule,
  node: SubjectNode,
  inquiry: Inquiry,
): Promise<{ readonly reports: readonly Dated[]; readonly problems: readonly string[] }> {
  const found = await documentsOn(node.descriptor, rule, SCAN_TYPES, inquiry);
  const problems = [...found.problems];
  const reports: Dated[] = [];
  for (const { document, where, createdAt } of found.documents) {
    try {
      for (const report of readScan(document) ?? []) {
        if (!rule.formats.includes(report.format)) continue;
        const at = report.createdAt ?? createdAt;
        if (at === undefined)
          problems.push(`the ${report.format} of ${report.tool} (${where}) does not say when it was made`);
        else if (at.getTime() > inquiry.now.getTime() + CLOCK_SKEW) {
          problems.push(`the ${report.format} of ${report.tool} (${where}) is of the future, ${at.toISOString()}`);
        } else reports.push({ ...report, createdAt: at, where });
      }
    } catch (error) {
      if (!isOciError(error, "MANIFEST_INVALID", "LIMIT_EXCEEDED")) throw error;
      problems.push(`${where}: ${error.message}`);
    }
  }
  return { reports, problems };
}

/** When the youngest report is too old, or the first exception ends. */
function endOf(
  fresh: readonly Dated[],
  judged: readonly Judged[],
  maxAge: number | undefined,
): { readonly until?: string } {
  const youngest = Math.max(...fresh.map(({ createdAt }) => createdAt.getTime()));
  const ends = [
    ...(maxAge === undefined ? [] : [youngest + maxAge + 1]),
    ...judged.flatMap(({ until }) => (until ? [until.getTime()] : [])),
  ];
  return endingAt(Math.min(...ends));
}

/** Reports of one tool and moment are parts of one scan: all of them count. */
function newestOfEach(reports: readonly Dated[]): readonly Dated[] {
  const newest = new Map<string, number>();
  for (const { tool, createdAt } of reports) {
    newest.set(tool, Math.max(newest.get(tool) ?? 0, createdAt.getTime()));
  }
  return reports.filter(({ tool, createdAt }) => newest.get(tool) === createdAt.getTime());
}

function describe({ tool, format, createdAt, findings }: Dated): string {
  const severity = findings.length === 0 ? "" : `, worst ${worst(findings.map((each) => each.severity))}`;
  return `${tool} (${format}) of ${createdAt.toISOString().slice(0, 10)}: ${findings.length} findings${severity}`;
}

interface Judged {
  readonly finding: ReportFinding;
  readonly counts: boolean;
  /** It would count but for the report, the rule or an exception. */
  readonly passed: boolean;
  /** When the exception ends that passes it over. */
  readonly until?: Date;
  readonly expired?: Exception;
}

function judge(finding: ReportFinding, rule: ScanRule, now: Date): Judged {
  if (!isWorse(finding.severity, rule.maxSeverity)) return { finding, counts: false, passed: false };
  if (finding.dismissed !== undefined || (rule.fixableOnly && !finding.fixable)) {
    return { finding, counts: false, passed: true };
  }
  const exceptions = rule.ignore.filter(
    ({ id, package: name }) =>
      (finding.id === id || finding.aliases.includes(id)) && (name === undefined || name === finding.package),
  );
  const valid = exceptions.find(({ until }) => now < until);
  if (valid) return { finding, counts: false, passed: true, until: valid.until };
  const [expired] = exceptions;
  return { finding, counts: true, passed: false, ...(expired ? { expired } : {}) };
}

function nameOf({ finding, expired }: Judged): string {
  const { id, severity, package: name } = finding;
  const over = expired ? `, excepted until ${expired.until.toISOString()}` : "";
  return `${id} (${severity}${name === undefined ? "" : `, ${name}`}${over})`;
}
