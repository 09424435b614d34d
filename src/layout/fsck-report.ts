import type { Digest } from "../spec/digest.ts";

/** What is found; docs and `--json` use the same words. */
export type FindingCode =
  | "marker-invalid"
  | "index-invalid"
  | "not-a-file"
  | "foreign-file"
  | "digest-mismatch"
  | "not-checked"
  | "name-duplicate"
  | "name-no-tag"
  | "size-mismatch"
  | "manifest-invalid"
  | "manifest-missing"
  | "blob-missing"
  | "subject-missing"
  | "orphan"
  | "stale-upload";

/** Errors make a layout unclean; warnings may surprise; notes only inform. */
export type Severity = "error" | "warning" | "note";

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** One sentence for people. */
  readonly message: string;
  readonly digest?: Digest;
}

export type FsckEvent =
  | { readonly type: "finding"; readonly finding: Finding }
  | { readonly type: "checked"; readonly digest: Digest; readonly size: number };

export interface FsckReport {
  readonly path: string;
  /** No finding is an error. */
  readonly clean: boolean;
  /** Blobs that were read and hashed, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
  /** Manifests that can be reached from index.json. */
  readonly manifests: number;
  readonly tags: number;
  readonly findings: readonly Finding[];
}

const SEVERITIES: Readonly<Record<FindingCode, Severity>> = {
  "marker-invalid": "error",
  "index-invalid": "error",
  "not-a-file": "error",
  "foreign-file": "note",
  "digest-mismatch": "error",
  "not-checked": "note",
  "name-duplicate": "warning",
  "name-no-tag": "note",
  "size-mismatch": "error",
  "manifest-invalid": "error",
  "manifest-missing": "error",
  "blob-missing": "error",
  "subject-missing": "warning",
  orphan: "note",
  "stale-upload": "note",
};

/** Findings on their way into a report. */
export class Findings {
  readonly all: Finding[] = [];
  readonly #onEvent: ((event: FsckEvent) => void) | undefined;

  constructor(onEvent?: (event: FsckEvent) => void) {
    this.#onEvent = onEvent;
  }

  add(
    code: FindingCode,
    message: string,
    options: { readonly digest?: Digest; readonly severity?: Severity } = {},
  ): void {
    const { digest, severity = SEVERITIES[code] } = options;
    const finding: Finding = { code, severity, message, ...(digest === undefined ? {} : { digest }) };
    this.all.push(finding);
    this.#onEvent?.({ type: "finding", finding });
  }

  checked(digest: Digest, size: number): void {
    this.#onEvent?.({ type: "checked", digest, size });
  }

  get clean(): boolean {
    return !this.all.some((finding) => finding.severity === "error");
  }
}
