import type { JsonObject } from "../spec/json.ts";
import { momentIn, needText, objectsIn, type ReportFinding, type ScanReport, textIn, unreadable } from "./report.ts";
import { severityOf } from "./severity.ts";

const WHAT = "trivy report";

/** `trivy image -f json`. */
export function isTrivy(document: JsonObject): boolean {
  return document["SchemaVersion"] !== undefined && document["ArtifactName"] !== undefined;
}

/** Vulnerabilities, secrets and failed checks of a configuration. @throws OciError MANIFEST_INVALID, LIMIT_EXCEEDED */
export function readTrivy(document: JsonObject): ScanReport {
  if (document["SchemaVersion"] !== 2) throw unreadable(WHAT, "SchemaVersion must be 2");
  const createdAt = momentIn(document, "CreatedAt", WHAT);
  // An image in which it finds nothing to look at has no Results at all.
  const results = objectsIn(document["Results"], WHAT, "Results");
  return {
    format: "trivy",
    tool: "trivy",
    ...(createdAt === undefined ? {} : { createdAt }),
    findings: results.flatMap((result, at) => [
      ...objectsIn(result["Vulnerabilities"], WHAT, `Results[${at}].Vulnerabilities`).map((each) =>
        vulnerability(each, `Results[${at}].Vulnerabilities`),
      ),
      ...objectsIn(result["Secrets"], WHAT, `Results[${at}].Secrets`).map((each) => ({
        ...named(each, "RuleID", `Results[${at}].Secrets`),
        fixable: true,
      })),
      ...objectsIn(result["Misconfigurations"], WHAT, `Results[${at}].Misconfigurations`)
        .filter((each) => each["Status"] !== "PASS" && each["Status"] !== "EXCEPTION")
        .map((each) => ({ ...named(each, "ID", `Results[${at}].Misconfigurations`), fixable: true })),
    ]),
  };
}

function named(entry: JsonObject, key: string, where: string): Omit<ReportFinding, "fixable"> {
  return { id: needText(entry, key, WHAT, where), aliases: [], severity: severityOf(entry["Severity"]) };
}

function vulnerability(entry: JsonObject, where: string): ReportFinding {
  const [name, version] = [textIn(entry, "PkgName"), textIn(entry, "InstalledVersion")];
  const vendorIds = entry["VendorIDs"];
  return {
    ...named(entry, "VulnerabilityID", where),
    aliases: Array.isArray(vendorIds) ? vendorIds.filter((id) => typeof id === "string") : [],
    fixable: textIn(entry, "FixedVersion") !== undefined,
    ...(name === undefined ? {} : { package: name }),
    ...(version === undefined ? {} : { version }),
  };
}
