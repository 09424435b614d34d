import { collect } from "../bytes/collect.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { VerifiedSignature } from "../sign/judge.ts";
import { inspectSignatures, verifyAttestations } from "../sign/verify.ts";
import { isBundleType } from "../sign/media.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { shortDigest } from "../spec/digest.ts";
import { isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { listedArtifactType, parseManifest } from "../spec/manifest.ts";
import type { Referrer } from "../store/names.ts";
import type { DocumentRule } from "./evidence-rules.ts";
import { type Inquiry, signalOf, verifiersOf } from "./inquiry.ts";

/** A JSON document about a manifest. */
export interface FoundDocument {
  readonly document: JsonObject;
  /** In words: where it hangs, and who says so. */
  readonly where: string;
  /** When what holds it says that it was made. */
  readonly createdAt?: Date;
}

export interface FoundDocuments {
  readonly documents: readonly FoundDocument[];
  /** What should be one and cannot be read. */
  readonly problems: readonly string[];
}

export const SBOM_TYPES: readonly string[] = [
  "application/spdx+json",
  "text/spdx+json",
  "application/vnd.cyclonedx+json",
  "application/vnd.syft+json",
];
export const SCAN_TYPES: readonly string[] = [
  "application/sarif+json",
  "application/vnd.cyclonedx+json",
  "application/vnd.anchore.grype+json",
  "application/vnd.grype+json",
  "application/vnd.aquasec.trivy+json",
  "application/vnd.aquasecurity.trivy+json",
  "application/vnd.trivy+json",
];

/**
 * Finds the documents that hang on a manifest: in statements that somebody in particular signed, where the rule names
 * anybody; else in referrers of the types known for it and in statements, whoever hung them there.
 * @throws OciError LIMIT_EXCEEDED, and what the source throws
 */
export async function documentsOn(
  subject: Descriptor,
  rule: DocumentRule,
  types: readonly string[],
  inquiry: Inquiry,
): Promise<FoundDocuments> {
  const { source } = inquiry;
  const asked = { source, subject, ...signalOf(inquiry) };
  if (rule.by) {
    const { signatures } = await verifyAttestations({ ...asked, verifiers: verifiersOf(inquiry, rule.by) });
    return { documents: signatures.filter(({ valid }) => valid).flatMap(fromStatement), problems: [] };
  }
  const documents: FoundDocument[] = [];
  const problems: string[] = [];
  let looked = 0;
  for await (const referrer of source.referrers(subject)) {
    const { artifactType } = referrer.descriptor;
    if (artifactType !== undefined && isBundleType(artifactType)) continue;
    looked += 1;
    if (looked > Limits.policyDocuments) {
      throw new OciError("LIMIT_EXCEEDED", `More than ${Limits.policyDocuments} documents hang on ${subject.digest}`);
    }
    const wanted = [...types, ...rule.artifactTypes];
    try {
      documents.push(...(await fromReferrer(referrer, wanted, inquiry)));
    } catch (error) {
      if (!isOciError(error, ...BROKEN)) throw error;
      problems.push(`${shortDigest(referrer.descriptor.digest)} cannot be read: ${error.message}`);
    }
  }
  const statements = await inspectSignatures({ ...asked, verifiers: [] });
  documents.push(...statements.flatMap(fromStatement));
  return { documents, problems };
}

/** Content that is not what it should be, rather than a failure to get it. */
const BROKEN = [
  "MANIFEST_INVALID",
  "MANIFEST_UNKNOWN",
  "BLOB_UNKNOWN",
  "DIGEST_INVALID",
  "SIZE_INVALID",
  "CONTENT_DAMAGED",
  "LIMIT_EXCEEDED",
] as const;

function fromStatement({ statement, manifest, signers }: VerifiedSignature): readonly FoundDocument[] {
  if (!statement || !isJsonObject(statement.predicate)) return [];
  const by = signers.length === 0 ? "unverified" : `by ${signers.map(({ label }) => label).join(", ")}`;
  return [{ document: statement.predicate, where: `statement ${shortDigest(manifest.digest)} ${by}` }];
}

async function fromReferrer(
  { descriptor }: Referrer,
  wanted: readonly string[],
  { source }: Inquiry,
): Promise<readonly FoundDocument[]> {
  const what = `manifest ${descriptor.digest}`;
  const bytes = await collect(source.fetch(descriptor, { kind: "manifest" }), Limits.manifest, what);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.form !== "image" && manifest.form !== "artifact") return [];
  const layers = manifest.form === "image" ? manifest.layers : manifest.blobs;
  const typed = wanted.includes(listedArtifactType(manifest) ?? "");
  const created = Date.parse(manifest.annotations?.[Annotation.Created] ?? "");
  const documents: FoundDocument[] = [];
  for (const layer of layers) {
    if (!typed && !wanted.includes(layer.mediaType)) continue;
    documents.push({
      document: await readDocument(layer, source),
      where: `referrer ${shortDigest(descriptor.digest)}`,
      ...(Number.isNaN(created) ? {} : { createdAt: new Date(created) }),
    });
  }
  return documents;
}

async function readDocument(layer: Descriptor, source: Inquiry["source"]): Promise<JsonObject> {
  if (layer.size > Limits.report) {
    throw new OciError("LIMIT_EXCEEDED", `the report has ${layer.size} bytes, the limit is ${Limits.report}`);
  }
  const document = parseJson(
    await collect(source.fetch(layer, { kind: "blob" }), Limits.report, `report ${layer.digest}`),
    "report",
  );
  if (isJsonObject(document)) return document;
  throw new OciError("MANIFEST_INVALID", "Invalid report: expected a JSON object");
}
