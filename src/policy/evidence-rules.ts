import type { Annotations } from "../spec/descriptor.ts";
import type { Expression } from "./expression.ts";
import type { Severity } from "./severity.ts";
import type { Where } from "./where.ts";

/** Signatures of the subject itself. */
export interface SignatureRule {
  /** Names of identities; any of them counts. */
  readonly by: readonly string[];
  /** Distinct signers. */
  readonly threshold: number;
  /** Claims that have to be signed with the digest. */
  readonly annotations: Annotations;
  readonly on: Where;
}

/** Signed statements of one type. */
export interface AttestationRule {
  readonly by: readonly string[];
  readonly threshold: number;
  /** A URI. */
  readonly type: string;
  /** What has to be true of the statement. */
  readonly where?: Expression;
  readonly on: Where;
}

export const SBOM_FORMATS = ["spdx", "cyclonedx", "syft"] as const;
export type SbomFormat = (typeof SBOM_FORMATS)[number];

export const SCAN_FORMATS = ["cyclonedx", "sarif", "grype", "trivy"] as const;
export type ScanFormat = (typeof SCAN_FORMATS)[number];

/** Where documents about a subject are taken from. */
export interface DocumentRule {
  /** Only what these have attested; absent: whatever hangs there, whoever hung it there. */
  readonly by?: readonly string[];
  /** Artifact types that are looked at beside those known by name. */
  readonly artifactTypes: readonly string[];
  readonly on: Where;
}

export interface SbomRule extends DocumentRule {
  /** Any of them. */
  readonly formats: readonly SbomFormat[];
}

/** Something found that is put up with, until a day. */
export interface Exception {
  readonly id: string;
  /** Of one package alone. */
  readonly package?: string;
  /** The moment from which on it counts again. */
  readonly until: Date;
  readonly reason: string;
}

export interface ScanRule extends DocumentRule {
  readonly formats: readonly ScanFormat[];
  /** Milliseconds; absent: of any age. */
  readonly maxAge?: number;
  /** The worst that may be found. */
  readonly maxSeverity: Severity;
  /** Only what has a fix counts. */
  readonly fixableOnly: boolean;
  readonly ignore: readonly Exception[];
}
