import type { ASN1Obj, X509Certificate } from "@sigstore/core";
import { extensionOf, parseCertificate, text, utf8 } from "./certificate.ts";
import { malformed } from "./signed-json.ts";
import type { WorkflowFact } from "./workflow.ts";

/**
 * Fulcio's extensions (oid-info.md of sigstore/fulcio): those of GitHub's workflows hold raw text, those that took
 * their place for every provider a UTF8String. A workflow's name has no later one.
 */
const EXTENSIONS: Readonly<Record<WorkflowFact, { readonly raw: string; readonly encoded?: string }>> = {
  trigger: { raw: "1.3.6.1.4.1.57264.1.2", encoded: "1.3.6.1.4.1.57264.1.20" },
  sha: { raw: "1.3.6.1.4.1.57264.1.3", encoded: "1.3.6.1.4.1.57264.1.13" },
  name: { raw: "1.3.6.1.4.1.57264.1.4" },
  repository: { raw: "1.3.6.1.4.1.57264.1.5", encoded: "1.3.6.1.4.1.57264.1.12" },
  ref: { raw: "1.3.6.1.4.1.57264.1.6", encoded: "1.3.6.1.4.1.57264.1.14" },
};

/** `https://github.com/owner/name`, with nothing behind it. */
const REPOSITORY_URL = /^https:\/\/[^/?#@\s]+\/([^/?#\s]+(?:\/[^/?#\s]+)+)$/;

/**
 * Reads one fact of the job that a certificate was issued to; undefined where it says nothing of it.
 * @param der X.509, DER
 * @throws OciError MANIFEST_INVALID where it says two things, or what is no text
 */
export function readWorkflowFact(der: Uint8Array, fact: WorkflowFact): string | undefined {
  const certificate = parseCertificate(der);
  const { raw, encoded } = EXTENSIONS[fact];
  const older = valueOf(certificate, raw, (value) => text(value.value));
  const newer = encoded === undefined ? undefined : valueOf(certificate, encoded, (value) => utf8(value.subs[0]));
  const later = newer === undefined || fact !== "repository" ? newer : pathOf(newer);
  if (older !== undefined && later !== undefined && older !== later) {
    throw malformed(
      "certificate",
      `it names two workflows: by ${fact} ${JSON.stringify([older, later]).slice(0, 200)}`,
    );
  }
  return older ?? later;
}

function valueOf(certificate: X509Certificate, oid: string, read: (value: ASN1Obj) => string): string | undefined {
  const value = extensionOf(certificate, oid);
  return value === undefined ? undefined : read(value);
}

function pathOf(url: string): string {
  const path = REPOSITORY_URL.exec(url)?.[1];
  if (path !== undefined) return path;
  throw malformed("certificate", "its source repository must be an https URL");
}
