import { type ASN1Obj, X509Certificate } from "@sigstore/core";
import { malformed } from "./signed-json.ts";

/** Who a certificate of Sigstore's kind says that its holder is. */
export interface CertificateIdentity {
  /** An address, or the URL of a workflow: the only alternative name of the certificate. */
  readonly subject: string;
  /** Who says so: the URL of the OpenID provider that the certificate authority believed. */
  readonly issuer: string;
}

/** One certificate, read; nothing of it is trusted yet. */
export interface SigningCertificate extends CertificateIdentity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const WHAT = "certificate";
const ALTERNATIVE_NAME = "2.5.29.17";
const EXTENDED_USAGE = "2.5.29.37";
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
/** Fulcio's extensions (oid-info.md of sigstore/fulcio): the issuer as raw text, the issuer as UTF8String, a user's name. */
const ISSUER_RAW = "1.3.6.1.4.1.57264.1.1";
const ISSUER = "1.3.6.1.4.1.57264.1.8";
const USERNAME = "1.3.6.1.4.1.57264.1.7";
const UTF8_STRING = 0x0c;
/** Context-specific tags of a GeneralName (RFC 5280, 4.2.1.6). */
const NAME_TAG = { other: 0, mail: 1, url: 6 } as const;

/**
 * Reads who a certificate speaks of, strictly: one name, one issuer, made for signing code and for nothing above it.
 * @param der X.509, DER
 * @throws OciError MANIFEST_INVALID
 */
export function readCertificate(der: Uint8Array): SigningCertificate {
  const certificate = parseCertificate(der);
  if (certificate.isCA) throw malformed(WHAT, "it is one of an authority, not of a signer");
  const usages = extensionOf(certificate, EXTENDED_USAGE)?.subs[0]?.subs ?? [];
  if (!usages.some((usage) => usage.tag.isOID() && usage.toOID() === CODE_SIGNING)) {
    throw malformed(WHAT, "it is not made for signing code");
  }
  return {
    subject: subjectOf(certificate),
    issuer: issuerOf(certificate),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  };
}

/** @throws OciError MANIFEST_INVALID */
export function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    return X509Certificate.parse(Buffer.from(der));
  } catch (cause) {
    throw malformed(WHAT, `it is no X.509 certificate${cause instanceof Error ? `: ${cause.message}` : ""}`);
  }
}

/** What an extension holds; two of a kind are none (RFC 5280, 4.2). @throws OciError MANIFEST_INVALID */
export function extensionOf(certificate: X509Certificate, oid: string): ASN1Obj | undefined {
  const found = certificate.extensions.filter(({ subs }) => subs[0]?.tag.isOID() === true && subs[0].toOID() === oid);
  if (found.length > 1) throw malformed(WHAT, `it has ${found.length} extensions ${oid}`);
  return found[0]?.subs.at(-1);
}

function subjectOf(certificate: X509Certificate): string {
  const names = extensionOf(certificate, ALTERNATIVE_NAME)?.subs[0]?.subs ?? [];
  const [name] = names;
  if (name === undefined || names.length !== 1) throw malformed(WHAT, `it has ${names.length} names, expected 1`);
  if (name.tag.isContextSpecific(NAME_TAG.mail) || name.tag.isContextSpecific(NAME_TAG.url)) return ascii(name.value);
  const [type, value] = name.subs;
  if (name.tag.isContextSpecific(NAME_TAG.other) && type?.tag.isOID() === true && type.toOID() === USERNAME) {
    return utf8(value?.subs[0]);
  }
  throw malformed(WHAT, "its name is neither an address nor a URL nor a user's name");
}

function issuerOf(certificate: X509Certificate): string {
  const [raw, encoded] = [extensionOf(certificate, ISSUER_RAW), extensionOf(certificate, ISSUER)];
  const issuers = [
    ...(encoded === undefined ? [] : [utf8(encoded.subs[0])]),
    ...(raw === undefined ? [] : [text(raw.value)]),
  ];
  const [issuer, other = issuer] = issuers;
  if (issuer === undefined || issuer === "") throw malformed(WHAT, "it does not say who vouched for its name");
  if (issuer !== other) throw malformed(WHAT, "it names two issuers");
  return issuer;
}

/** A UTF8String. @throws OciError MANIFEST_INVALID */
export function utf8(value: ASN1Obj | undefined): string {
  if (value?.tag.isUniversal() === true && value.tag.number === UTF8_STRING) return text(value.value);
  throw malformed(WHAT, "a name in it must be a UTF8String");
}

/** UTF-8. @throws OciError MANIFEST_INVALID */
export function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(WHAT, "a name in it must be UTF-8");
  }
}

/** IA5String: anything above 7 bits would be another text to another reader. */
function ascii(bytes: Uint8Array): string {
  if (bytes.length > 0 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f))
    return Buffer.from(bytes).toString("latin1");
  throw malformed(WHAT, "its name must be ASCII");
}
