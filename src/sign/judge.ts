import { isOciError, type OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import { type JsonValue, shownJson } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import type { Budget } from "./budget.ts";
import { type ClaimedIdentity, claimedIdentity } from "./claimed-identity.ts";
import type { FoundSignature } from "./found-signature.ts";
import { type ReadSignature, readSignature } from "./read-signature.ts";
import type { SignerIdentity, Verifier } from "./signer.ts";
import type { Statement } from "./statement.ts";

/** What is to be said of one signature on the subject. */
export interface VerifiedSignature extends FoundSignature {
  /** It is by one of those asked for, over this subject, and says what it has to say. */
  readonly valid: boolean;
  /** Why it does not count. */
  readonly reason?: string;
  readonly purpose?: ReadSignature["purpose"];
  /** Who vouches for it. */
  readonly signers: readonly SignerIdentity[];
  /** How it names its key; proves nothing. */
  readonly keyHint?: string;
  /** Whom its certificate names; proves nothing. */
  readonly claimedIdentity?: ClaimedIdentity;
  /** When its manifest says that it was made; proves nothing. RFC 3339. */
  readonly createdAt?: string;
  /** Claims signed with the digest. */
  readonly claims?: Readonly<Record<string, JsonValue>>;
  /** Of a simple signing payload: the repository that it names. */
  readonly reference?: string;
  readonly statement?: Statement;
}

/** What {@link judge} needs. */
export interface JudgeOptions extends Signal {
  readonly source: Pick<Source, "fetch">;
  readonly subject: Descriptor;
  readonly verifiers: readonly Verifier[];
  readonly annotations?: Annotations;
  readonly budget: Budget;
}

/** Why a signature that was read does not count, whoever made it; undefined: it may. */
export type Check = (read: ReadSignature) => string | undefined;

/** Tells of one signature whether it counts: it is read, its claims are compared, every verifier is asked. */
export async function judge(
  found: FoundSignature,
  options: JudgeOptions,
  purpose: ReadSignature["purpose"] | undefined,
  check: Check,
): Promise<VerifiedSignature> {
  const createdAt = found.annotations[Annotation.Created];
  const facts = { ...found, ...(createdAt === undefined ? {} : { createdAt }) };
  const refused = (reason: string): VerifiedSignature => ({ ...facts, valid: false, signers: [], reason });
  if (found.problem !== undefined) return refused(found.problem);
  let read: ReadSignature | undefined;
  try {
    read = await readSignature(found, options);
  } catch (error) {
    // Broken content cannot count; a failure to get it may hide one that does.
    if (isBroken(error)) return refused(error.message);
    throw error;
  }
  if (read === undefined) return judgeForeign(found, facts, options, purpose);
  const told = { ...facts, ...(await describe(read)) };
  const problem =
    purpose === undefined || read.purpose === purpose
      ? (check(read) ?? lacking(read, options.annotations))
      : `it is no ${purpose} but ${read.purpose === "signature" ? "a signature" : "an attestation"}`;
  const { signers, reasons } = await recognise(read, options);
  const reason = problem ?? (signers.length === 0 ? reasons.join("; ") : undefined);
  return { ...told, signers, valid: reason === undefined, ...(reason === undefined ? {} : { reason }) };
}

function isBroken(error: unknown): error is OciError {
  return isOciError(error, "MANIFEST_INVALID", "DIGEST_INVALID", "SIZE_INVALID", "BLOB_UNKNOWN");
}

/** Of a form that is read by whoever verifies it. */
async function judgeForeign(
  found: FoundSignature,
  facts: FoundSignature,
  { source, subject, verifiers, annotations = {}, budget, signal }: JudgeOptions,
  purpose: ReadSignature["purpose"] | undefined,
): Promise<VerifiedSignature> {
  const { kind, mediaType, layer } = found;
  if (purpose === "attestation") {
    return { ...facts, valid: false, signers: [], reason: "it is no attestation but a signature" };
  }
  if (layer === undefined) return { ...facts, valid: false, signers: [], reason: "it has no content" };
  const waits = signal ? { signal } : {};
  let bytes: Uint8Array;
  try {
    bytes = await budget.read(source, layer, "blob", waits);
  } catch (error) {
    if (isBroken(error)) return { ...facts, valid: false, signers: [], reason: error.message };
    throw error;
  }
  const told = { ...facts, purpose: "signature" as const, ...(await describeForeign(kind, bytes)) };
  const signers = new Map<string, SignerIdentity>();
  const reasons = new Set<string>();
  for (const verifier of verifiers) {
    if (!verifier.judge) continue;
    const envelope = { kind, mediaType, bytes, subject, annotations: found.annotations, claims: annotations };
    const verdict = await verifier.judge(envelope, waits);
    if (verdict.valid) signers.set(verdict.signer.id, verdict.signer);
    else reasons.add(verdict.reason);
  }
  if (signers.size > 0) return { ...told, valid: true, signers: [...signers.values()] };
  const reason = [...reasons].join("; ") || `a key cannot verify ${kind}`;
  return { ...told, valid: false, signers: [], reason };
}

async function describeForeign(kind: FoundSignature["kind"], bytes: Uint8Array): Promise<Partial<VerifiedSignature>> {
  if (kind !== "notation-jws" && kind !== "notation-cose") return {};
  // Few have signatures of notation: whoever has none does not load what reads them.
  const { describeNotation } = await import("./notation/describe.ts");
  return describeNotation(bytes, kind === "notation-jws" ? "jws" : "cose") ?? {};
}

async function describe(read: ReadSignature): Promise<Partial<VerifiedSignature>> {
  const keyHint = read.claims.find((claim) => claim.keyHint !== undefined)?.keyHint;
  const [first] = read.claims;
  const identity = first && (await claimedIdentity(first));
  return {
    purpose: read.purpose,
    claims: read.annotations,
    ...(keyHint === undefined ? {} : { keyHint }),
    ...(identity === undefined ? {} : { claimedIdentity: identity }),
    ...(read.reference === undefined ? {} : { reference: read.reference }),
    ...(read.statement === undefined ? {} : { statement: read.statement }),
  };
}

function lacking(read: ReadSignature, wanted: Annotations = {}): string | undefined {
  for (const [key, value] of Object.entries(wanted)) {
    const claimed = Object.hasOwn(read.annotations, key) ? read.annotations[key] : undefined;
    if (claimed === value) continue;
    const got = claimed === undefined ? "does not say so" : `says ${shownJson(claimed)}`;
    return `it should claim ${key}=${value} and ${got}`;
  }
  return undefined;
}

/** Asks every verifier about every signature. */
async function recognise(
  read: ReadSignature,
  { verifiers, signal }: JudgeOptions,
): Promise<{ readonly signers: readonly SignerIdentity[]; readonly reasons: readonly string[] }> {
  const signers = new Map<string, SignerIdentity>();
  const reasons = new Set<string>();
  for (const claim of read.claims) {
    for (const verifier of verifiers) {
      signal?.throwIfAborted();
      const verdict = await verifier.verify(claim, signal ? { signal } : {});
      if (verdict.valid) signers.set(verdict.signer.id, verdict.signer);
      else reasons.add(verdict.reason);
    }
  }
  return { signers: [...signers.values()], reasons: [...reasons] };
}
