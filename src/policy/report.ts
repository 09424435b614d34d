import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import type { Severity } from "./severity.ts";

/** Something that a scan found. */
export interface ReportFinding {
  /** The scanner's own name for it, such as CVE-2024-3094. */
  readonly id: string;
  /** Other names of the same. */
  readonly aliases: readonly string[];
  readonly severity: Severity;
  readonly package?: string;
  readonly version?: string;
  /** There is something that it is fixed in. */
  readonly fixable: boolean;
  /** The report itself says that it does not count, and why. */
  readonly dismissed?: string;
}

/** What one tool found in one image at one time. */
export interface ScanReport {
  readonly format: "cyclonedx" | "sarif" | "grype" | "trivy";
  readonly tool: string;
  /** As the report itself says. */
  readonly createdAt?: Date;
  readonly findings: readonly ReportFinding[];
}

/** The error of a document that is not what it should be; a policy never takes it for an empty one. */
export function unreadable(what: string, problem: string): OciError {
  return new OciError("MANIFEST_INVALID", `Invalid ${what}: ${problem}`, {
    hint: "Attach a new report and remove this one",
  });
}

export function objectIn(value: JsonValue | undefined, what: string, where: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw unreadable(what, `${where} must be an object`);
}

/** A list of objects; `null` and absent are an empty one, as Go writes it, where it may be. */
export function objectsIn(
  value: JsonValue | undefined,
  what: string,
  where: string,
  { required = false }: { readonly required?: boolean } = {},
): readonly JsonObject[] {
  if (!required && (value === undefined || value === null)) return [];
  if (!Array.isArray(value)) throw unreadable(what, `${where} must be an array`);
  if (value.length > Limits.reportEntries) throw tooMany(what, where);
  return (value as readonly JsonValue[]).map((each, at) => objectIn(each, what, `${where}[${at}]`));
}

export function tooMany(what: string, where: string): OciError {
  return new OciError("LIMIT_EXCEEDED", `The ${what} has more than ${Limits.reportEntries} entries in ${where}`);
}

export function textIn(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** @throws OciError MANIFEST_INVALID where it is absent: what has no name can neither be counted nor put up with */
export function needText(object: JsonObject, key: string, what: string, where: string): string {
  const value = textIn(object, key);
  if (value !== undefined) return value;
  throw unreadable(what, `${where}.${key} must be a text`);
}

/** A moment as a report writes it. @throws OciError MANIFEST_INVALID for what is there and is no moment */
export function momentIn(object: JsonObject, key: string, what: string): Date | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  // RFC 3339 demands a zone; without one it would be read as this machine's.
  const zoned = typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*(?:Z|[+-]\d\d:?\d\d)$/.test(value);
  // Go writes more digits than JavaScript reads.
  const at = zoned ? new Date(value.replace(/(\.\d{3})\d+/, "$1")) : undefined;
  if (at && !Number.isNaN(at.getTime())) return at;
  throw unreadable(what, `${key} must be a moment (RFC 3339)`);
}
