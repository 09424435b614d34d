import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { isCycloneDxScan, readCycloneDxScan } from "./read-cyclonedx.ts";
import { isGrype, readGrype } from "./read-grype.ts";
import { isSarif, readSarif } from "./read-sarif.ts";
import { isTrivy, readTrivy } from "./read-trivy.ts";
import { momentIn, objectIn, type ScanReport } from "./report.ts";

/**
 * Reads a scan, by what the document itself says that it is; a SARIF file may hold those of several tools.
 * @returns undefined for what is no scan that berth knows
 * @throws OciError MANIFEST_INVALID, LIMIT_EXCEEDED for a scan that cannot be read
 */
export function readScan(document: JsonObject): readonly ScanReport[] | undefined {
  if (isCycloneDxScan(document)) return [readCycloneDxScan(document)];
  if (isSarif(document)) return readSarif(document);
  if (isGrype(document)) return [readGrype(document)];
  if (isTrivy(document)) return [readTrivy(document)];
  return readCosignVuln(document);
}

/** The predicate of cosign's type `vuln`: a scanner's own report, and when it ran. */
function readCosignVuln(document: JsonObject): readonly ScanReport[] | undefined {
  const scanner: JsonValue | undefined = document["scanner"];
  if (!isJsonObject(scanner) || !isJsonObject(scanner["result"])) return undefined;
  const { metadata } = document;
  const about = isJsonObject(metadata) ? objectIn(metadata, "vulnerability statement", "metadata") : {};
  const finished = momentIn(about, "scanFinishedOn", "vulnerability statement");
  const reports = isCosignVuln(scanner["result"]) ? undefined : readScan(scanner["result"]);
  return reports?.map((report) => ({ ...report, ...(finished === undefined ? {} : { createdAt: finished }) }));
}

function isCosignVuln(document: JsonObject): boolean {
  return document["scanner"] !== undefined;
}
