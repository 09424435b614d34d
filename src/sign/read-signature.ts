import type { OciError } from "../error/oci-error.ts";
import type { Descriptor, Annotations } from "../spec/descriptor.ts";
import { encodedOf } from "../spec/digest.ts";
import { type JsonValue, shownJson } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { decodeBase64 } from "./base64.ts";
import type { Budget } from "./budget.ts";
import { parseBundle } from "./bundle.ts";
import { type DsseEnvelope, parseDsse, preAuthEncoding } from "./dsse.ts";
import type { FoundSignature } from "./found-signature.ts";
import { SignatureAnnotation, SignatureMedia } from "./media.ts";
import { malformed, parseObject } from "./signed-json.ts";
import type { Claim } from "./signer.ts";
import { parseSimplePayload } from "./simple-payload.ts";
import { parseStatement, SIGN_PREDICATE, type Statement, subjectWith } from "./statement.ts";

/** What a signature says, once it is read; whether it is true is for a verifier. */
export interface ReadSignature {
  readonly purpose: "signature" | "attestation";
  /** One for each signature over it. */
  readonly claims: readonly Claim[];
  /** What is signed with the digest. */
  readonly annotations: Readonly<Record<string, JsonValue>>;
  /** Of an attestation. */
  readonly statement?: Statement;
  /** Of a simple signing payload: the repository it names. */
  readonly reference?: string;
}

export interface ReadOptions extends Signal {
  readonly source: Pick<Source, "fetch">;
  readonly subject: Descriptor;
  readonly budget: Budget;
}

/**
 * Reads a signature, strictly, and checks that it speaks of the subject and of nothing else.
 * @returns undefined for the kinds that are read elsewhere
 * @throws OciError MANIFEST_INVALID for what is not what it says it is, or speaks of another digest;
 *   LIMIT_EXCEEDED, and what the source throws
 */
export async function readSignature(found: FoundSignature, options: ReadOptions): Promise<ReadSignature | undefined> {
  const { layer } = found;
  if (layer === undefined || found.problem !== undefined) return undefined;
  const read = async (): Promise<Uint8Array> =>
    options.budget.read(options.source, layer, "blob", options.signal ? { signal: options.signal } : {});
  switch (found.kind) {
    case "cosign-simple":
      return readSimple(await read(), layer, options.subject);
    case "cosign-attestation": {
      const envelope = parseDsse(parseObject(await read(), "DSSE envelope"));
      return readStatement(envelope, options.subject, layer.annotations);
    }
    case "sigstore-bundle":
      return readBundle(await read(), options, layer.annotations);
    case "notation-jws":
    case "notation-cose":
    case "unknown":
      return undefined;
  }
}

function readSimple(message: Uint8Array, layer: Descriptor, subject: Descriptor): ReadSignature {
  const annotations = layer.annotations ?? {};
  const signature = decodeBase64(annotations[SignatureAnnotation.Signature] ?? "");
  if (signature === undefined || signature.length === 0) {
    throw malformed("signature", `the annotation ${SignatureAnnotation.Signature} must be base64`);
  }
  const payload = parseSimplePayload(message);
  if (payload.digest !== subject.digest) throw ofAnother(payload.digest, subject);
  return {
    purpose: "signature",
    claims: [{ message, signature, annotations }],
    annotations: payload.annotations,
    reference: payload.reference,
  };
}

async function readBundle(
  bytes: Uint8Array,
  { source, subject, budget, signal }: ReadOptions,
  annotations: Annotations | undefined,
): Promise<ReadSignature> {
  const { content, keyHint, document } = parseBundle(bytes);
  const shared = { bundle: document, ...(keyHint === undefined ? {} : { keyHint }) };
  if (content.kind === "dsse") return readStatement(content.envelope, subject, annotations, shared);
  const { signature, digest } = content.message;
  // The file that is signed is the manifest itself.
  const message = await budget.read(source, subject, "manifest", signal ? { signal } : {});
  if (digest?.algorithm === "sha256" && subject.digest.startsWith("sha256:")) {
    const spoken = Buffer.from(digest.bytes).toString("hex");
    if (spoken !== encodedOf(subject.digest)) throw ofAnother(`sha256:${spoken}`, subject);
  }
  return { purpose: "signature", claims: [{ message, signature, ...shared }], annotations: {} };
}

function readStatement(
  envelope: DsseEnvelope,
  subject: Descriptor,
  annotations: Annotations | undefined,
  shared: Pick<Claim, "bundle" | "keyHint"> = {},
): ReadSignature {
  if (envelope.payloadType !== SignatureMedia.InToto) {
    throw malformed(
      "attestation",
      `its payload is ${shownJson(envelope.payloadType)}, expected ${SignatureMedia.InToto}`,
    );
  }
  const statement = parseStatement(envelope.payload);
  const own = subjectWith(statement, subject.digest);
  if (own === undefined) {
    const [first] = statement.subject;
    throw ofAnother(
      Object.entries(first?.digest ?? {})
        .join(", ")
        .replaceAll(",", ":"),
      subject,
    );
  }
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  const claims = envelope.signatures.map(({ bytes, keyId }): Claim => ({
    message,
    signature: bytes,
    ...(keyId === undefined ? {} : { keyHint: keyId }),
    ...(annotations === undefined ? {} : { annotations }),
    ...shared,
  }));
  const purpose = statement.predicateType === SIGN_PREDICATE ? "signature" : "attestation";
  return { purpose, claims, annotations: own.annotations ?? {}, statement };
}

function ofAnother(digest: string, subject: Descriptor): OciError {
  return malformed("signature", `it is of ${digest.slice(0, 150)}, not of ${subject.digest}`);
}
