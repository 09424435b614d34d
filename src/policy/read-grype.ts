import type { JsonObject } from "../spec/json.ts";
import { momentIn, needText, objectIn, objectsIn, type ReportFinding, type ScanReport, textIn } from "./report.ts";
import { severityOf } from "./severity.ts";

const WHAT = "grype report";

/** `grype -o json`: matches with a descriptor of the tool. */
export function isGrype(document: JsonObject): boolean {
  const { descriptor, matches } = document;
  return matches !== undefined && descriptor !== null && typeof descriptor === "object" && "name" in descriptor;
}

/** @throws OciError MANIFEST_INVALID, LIMIT_EXCEEDED */
export function readGrype(document: JsonObject): ScanReport {
  const descriptor = objectIn(document["descriptor"], WHAT, "descriptor");
  const createdAt = momentIn(descriptor, "timestamp", WHAT);
  return {
    format: "grype",
    tool: textIn(descriptor, "name") ?? "grype",
    ...(createdAt === undefined ? {} : { createdAt }),
    findings: objectsIn(document["matches"], WHAT, "matches", { required: true }).map((match, at) =>
      findingOf(match, `matches[${at}]`),
    ),
  };
}

function findingOf(match: JsonObject, where: string): ReportFinding {
  const vulnerability = objectIn(match["vulnerability"], WHAT, `${where}.vulnerability`);
  const artifact = objectIn(match["artifact"], WHAT, `${where}.artifact`);
  const related = objectsIn(match["relatedVulnerabilities"], WHAT, `${where}.relatedVulnerabilities`);
  const { fix } = vulnerability;
  const state = fix !== null && typeof fix === "object" && "state" in fix ? fix["state"] : undefined;
  const [name, version] = [textIn(artifact, "name"), textIn(artifact, "version")];
  return {
    id: needText(vulnerability, "id", WHAT, `${where}.vulnerability`),
    aliases: related.flatMap((each) => textIn(each, "id") ?? []),
    severity: severityOf(vulnerability["severity"]),
    fixable: state === "fixed",
    ...(name === undefined ? {} : { package: name }),
    ...(version === undefined ? {} : { version }),
  };
}
