import { constants, hash, type KeyObject, verify } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { ContentInfo, SignedData, type SignerInfo } from "@peculiar/asn1-cms";
import { id_ct_tstInfo, TSTInfo } from "@peculiar/asn1-tsp";
import type { HashName } from "../algorithm.ts";
import { type Certificate, parseCertificate, sameBytes } from "./certificate.ts";
import { chainProblem, isIssuedBy, validityProblem } from "./chain.ts";
import { MAX_CHAIN } from "./envelope.ts";
import { encodeSignedAttributes, readSigningCertificate } from "./signed-attributes.ts";

/** When something was there at the latest, by a clock that is trusted. */
export interface Timestamp {
  /** The time lies between the two. */
  readonly from: Date;
  readonly to: Date;
  /** Whose clock it is, the root last. */
  readonly chain: readonly Certificate[];
}

export type TimestampVerdict =
  | { readonly valid: true; readonly timestamp: Timestamp }
  /** Continues the sentence "its timestamp does not count: …". */
  | { readonly valid: false; readonly reason: string };

const SIGNED_DATA = "1.2.840.113549.1.7.2";
const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
/** RFC 3628, 5.2: its clocks are right within a second. */
const BASELINE_POLICY = "0.4.0.2023.1.1";
const MAX_CERTIFICATES = 64;
const HASHES: Readonly<Record<string, HashName>> = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};
/** Signature algorithms with the hash that they are bound to; none where the digest algorithm says it. */
const SIGNATURES: Readonly<Record<string, { readonly type: "rsa" | "ec"; readonly hash?: HashName }>> = {
  "1.2.840.113549.1.1.1": { type: "rsa" },
  "1.2.840.113549.1.1.11": { type: "rsa", hash: "sha256" },
  "1.2.840.113549.1.1.12": { type: "rsa", hash: "sha384" },
  "1.2.840.113549.1.1.13": { type: "rsa", hash: "sha512" },
  "1.2.840.10045.4.3.2": { type: "ec", hash: "sha256" },
  "1.2.840.10045.4.3.3": { type: "ec", hash: "sha384" },
  "1.2.840.10045.4.3.4": { type: "ec", hash: "sha512" },
};

class Refused extends Error {}

/**
 * Verifies a TimeStampToken (RFC 3161, RFC 5816) over some bytes: that it speaks of them, is signed by a certificate
 * for timestamps alone that it names itself, and that this certificate leads to a root that is trusted.
 */
export function verifyTimestamp(
  token: Uint8Array,
  message: Uint8Array,
  roots: readonly Certificate[],
): TimestampVerdict {
  try {
    return { valid: true, timestamp: read(token, message, roots) };
  } catch (error) {
    // Whatever a stranger's bytes do to the parser, they are no timestamp.
    return { valid: false, reason: error instanceof Refused ? error.message : "it cannot be read" };
  }
}

function read(token: Uint8Array, message: Uint8Array, roots: readonly Certificate[]): Timestamp {
  const outer = AsnConvert.parse(new Uint8Array(token), ContentInfo);
  if (outer.contentType !== SIGNED_DATA) throw new Refused("it is not signed");
  const data = AsnConvert.parse(outer.content, SignedData);
  const { eContentType, eContent } = data.encapContentInfo;
  if (eContentType !== id_ct_tstInfo || eContent?.single === undefined) throw new Refused("it tells no time");
  const content = new Uint8Array(eContent.single.buffer);
  const info = AsnConvert.parse(content, TSTInfo);
  const { messageImprint, genTime, accuracy, policy } = info;
  const imprint = hashNamed(messageImprint.hashAlgorithm.algorithm);
  if (!sameBytes(new Uint8Array(messageImprint.hashedMessage.buffer), hash(imprint, message, "buffer"))) {
    throw new Refused("it is of something else");
  }
  const [signer, ...others] = data.signerInfos;
  if (signer === undefined || others.length > 0) throw new Refused("it has to have one signer");
  const certificates = readCertificates(data);
  const own = signerOf(signer, certificates);
  checkSignature(signer, own, content);
  const chain = pathTo(own, certificates, roots);
  const problem = chainProblem(chain, "timestamping") ?? validityProblem(chain, genTime);
  if (problem !== undefined) throw new Refused(problem);
  const spread =
    accuracy === undefined
      ? policy === BASELINE_POLICY
        ? 1000
        : 0
      : (accuracy.seconds ?? 0) * 1000 + (accuracy.millis ?? 0) + Math.ceil((accuracy.micros ?? 0) / 1000);
  return { from: new Date(genTime.getTime() - spread), to: new Date(genTime.getTime() + spread), chain };
}

function hashNamed(identifier: string): HashName {
  const name = Object.hasOwn(HASHES, identifier) ? HASHES[identifier] : undefined;
  if (name) return name;
  throw new Refused("it is hashed with something too weak or unknown");
}

function readCertificates({ certificates }: SignedData): readonly Certificate[] {
  const found = [...(certificates ?? [])];
  if (found.length > MAX_CERTIFICATES) throw new Refused("it has too many certificates");
  return found.flatMap(({ certificate }) =>
    certificate ? [parseCertificate(new Uint8Array(AsnConvert.serialize(certificate)), "certificate")] : [],
  );
}

/** The certificate that the signer says is its own, and that it signed the hash of (RFC 5816). */
function signerOf(signer: SignerInfo, certificates: readonly Certificate[]): Certificate {
  const { hashAlgorithm, certHash } = readSigningCertificate(signer.signedAttrs ?? []) ?? {};
  if (hashAlgorithm === undefined || certHash === undefined) {
    throw new Refused("it does not sign which certificate it is by");
  }
  const name = hashNamed(hashAlgorithm);
  const own = certificates.find(({ raw }) => sameBytes(hash(name, raw, "buffer"), certHash));
  if (own === undefined) throw new Refused("the certificate that it is by is missing");
  const named = signer.sid.issuerAndSerialNumber;
  if (
    named &&
    !(
      sameBytes(new Uint8Array(AsnConvert.serialize(named.issuer)), own.issuerBytes) &&
      sameBytes(new Uint8Array(named.serialNumber), own.serialNumber)
    )
  ) {
    throw new Refused("it names two certificates that it is by");
  }
  return own;
}

function checkSignature(signer: SignerInfo, own: Certificate, content: Uint8Array): void {
  const { signedAttrs = [] } = signer;
  const digest = hashNamed(signer.digestAlgorithm.algorithm);
  const single = (type: string): ArrayBuffer => {
    const found = signedAttrs.filter(({ attrType }) => attrType === type);
    const value = found[0]?.attrValues[0];
    if (found.length !== 1 || found[0]?.attrValues.length !== 1 || value === undefined) {
      throw new Refused("what it signs is not said once");
    }
    return value;
  };
  const type = Buffer.from(single(CONTENT_TYPE));
  if (!type.equals(Buffer.from("060b2a864886f70d0109100104", "hex"))) throw new Refused("it signs no time");
  const expected = Buffer.concat([
    Buffer.from([0x04, hash(digest, content, "buffer").length]),
    hash(digest, content, "buffer"),
  ]);
  if (!expected.equals(Buffer.from(single(MESSAGE_DIGEST)))) throw new Refused("it was changed");
  const signed = encodeSignedAttributes(signedAttrs);
  const { algorithm } = signer.signatureAlgorithm;
  const form = Object.hasOwn(SIGNATURES, algorithm) ? SIGNATURES[algorithm] : undefined;
  if (!form || own.publicKey.asymmetricKeyType !== form.type) throw new Refused("its signature is of an unknown kind");
  if (!isSigned(form.hash ?? digest, signed, own.publicKey, new Uint8Array(signer.signature.buffer))) {
    throw new Refused("its signature is wrong");
  }
}

function isSigned(name: HashName, message: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  return key.asymmetricKeyType === "rsa"
    ? verify(name, message, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
    : verify(name, message, { key, dsaEncoding: "der" }, signature);
}

/** From a certificate up to a root that is trusted. */
function pathTo(
  own: Certificate,
  certificates: readonly Certificate[],
  roots: readonly Certificate[],
): readonly Certificate[] {
  const chain = [own];
  for (;;) {
    const last = chain.at(-1) ?? own;
    const root = roots.find((each) => sameBytes(each.raw, last.raw) || isIssuedBy(last, each));
    if (root) return sameBytes(root.raw, last.raw) ? chain : [...chain, root];
    const next = certificates.find((each) => !chain.includes(each) && isIssuedBy(last, each));
    if (next === undefined || chain.length >= MAX_CHAIN) throw new Refused("no authority that is trusted made it");
    chain.push(next);
  }
}
