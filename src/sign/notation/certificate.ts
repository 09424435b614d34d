import { hash, type KeyObject, X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  BasicConstraints,
  Certificate as Asn1Certificate,
  ExtendedKeyUsage,
  id_ce_basicConstraints,
  id_ce_cRLDistributionPoints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_pe_authorityInfoAccess,
  KeyUsage,
} from "@peculiar/asn1-x509";
import { OciError } from "../../error/oci-error.ts";
import { type DistinguishedName, formatName, nameToCompare } from "./distinguished-name.ts";

/** What a certificate says of itself, as far as anything here depends on it. */
export interface Certificate {
  /** DER. */
  readonly raw: Uint8Array;
  readonly publicKey: KeyObject;
  /** RFC 4514, for people. */
  readonly subject: string;
  /** RFC 4514, for people. */
  readonly issuer: string;
  readonly name: DistinguishedName | undefined;
  /** DER of the names, to compare byte for byte. */
  readonly subjectBytes: Uint8Array;
  readonly issuerBytes: Uint8Array;
  readonly serialNumber: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Undefined where the extension is missing. */
  readonly basicConstraints?: { readonly critical: boolean; readonly ca: boolean; readonly pathLength?: number };
  /** Flags of RFC 5280, 4.2.1.3: the first is bit 0. */
  readonly keyUsage?: { readonly critical: boolean; readonly flags: number };
  /** Object identifiers. */
  readonly extendedKeyUsage?: { readonly critical: boolean; readonly purposes: readonly string[] };
  /** It is signed with SHA-256 or better. */
  readonly strong: boolean;
  /** It says where to ask whether it is revoked. */
  readonly revocable: boolean;
  /** Its signature is by that key. */
  isSignedBy(issuer: Certificate): boolean;
}

/** Bits of a certificate's key usage. */
export const KeyUsageBit = { digitalSignature: 1, certSign: 32 } as const;

const MAX_SIZE = 64 * 1024;
/** RSA and ECDSA with SHA-2; Ed25519 has one of its own. */
const STRONG: readonly string[] = [
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
  "1.3.101.112",
];
const RSA_PSS = "1.2.840.113549.1.1.10";
const SHA2: readonly string[] = ["2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"];

/**
 * Reads a certificate.
 * @param what names it in messages
 * @throws OciError FILE_INVALID
 */
export function parseCertificate(bytes: Uint8Array, what: string): Certificate {
  if (bytes.length > MAX_SIZE) {
    throw new OciError("LIMIT_EXCEEDED", `The ${what} has ${bytes.length} bytes, the limit is ${MAX_SIZE}`);
  }
  try {
    return read(new Uint8Array(bytes));
  } catch (cause) {
    throw new OciError("FILE_INVALID", `Invalid ${what}: it is no X.509 certificate that can be read`, { cause });
  }
}

function read(raw: Uint8Array): Certificate {
  const x509 = new X509Certificate(raw);
  // Whatever stands behind it would be neither of the two.
  if (x509.raw.length !== raw.length) throw new TypeError("There are bytes behind the certificate");
  const parsed = AsnConvert.parse(raw, Asn1Certificate);
  const { tbsCertificate: tbs, signatureAlgorithm } = parsed;
  const { subject, issuer, validity, serialNumber } = tbs;
  const extensions = new Map<string, { readonly critical: boolean; readonly value: ArrayBuffer }>();
  for (const { extnID, critical, extnValue } of tbs.extensions ?? []) {
    if (extensions.has(extnID)) throw new TypeError(`The extension ${extnID} stands in it twice`);
    extensions.set(extnID, { critical, value: extnValue.buffer });
  }
  const constraints = extensions.get(id_ce_basicConstraints);
  const usage = extensions.get(id_ce_keyUsage);
  const purposes = extensions.get(id_ce_extKeyUsage);
  return {
    raw,
    publicKey: x509.publicKey,
    subject: formatName(subject),
    issuer: formatName(issuer),
    name: nameToCompare(subject),
    subjectBytes: new Uint8Array(AsnConvert.serialize(subject)),
    issuerBytes: new Uint8Array(AsnConvert.serialize(issuer)),
    serialNumber: new Uint8Array(serialNumber),
    notBefore: validity.notBefore.getTime(),
    notAfter: validity.notAfter.getTime(),
    ...(constraints ? { basicConstraints: readConstraints(constraints) } : {}),
    ...(usage
      ? { keyUsage: { critical: usage.critical, flags: AsnConvert.parse(usage.value, KeyUsage).toNumber() } }
      : {}),
    ...(purposes
      ? {
          extendedKeyUsage: {
            critical: purposes.critical,
            purposes: [...AsnConvert.parse(purposes.value, ExtendedKeyUsage)],
          },
        }
      : {}),
    strong: isStrong(signatureAlgorithm),
    revocable: extensions.has(id_ce_cRLDistributionPoints) || hasOcsp(extensions.get(id_pe_authorityInfoAccess)?.value),
    isSignedBy: (other) => x509.verify(other.publicKey),
  };
}

function readConstraints({
  critical,
  value,
}: {
  readonly critical: boolean;
  readonly value: ArrayBuffer;
}): NonNullable<Certificate["basicConstraints"]> {
  const { cA, pathLenConstraint } = AsnConvert.parse(value, BasicConstraints);
  return { critical, ca: cA, ...(pathLenConstraint === undefined ? {} : { pathLength: pathLenConstraint }) };
}

/** An access description with `id-ad-ocsp` (RFC 5280, 4.2.2.1), found by the bytes of its identifier. */
function hasOcsp(value: ArrayBuffer | undefined): boolean {
  return value !== undefined && Buffer.from(value).includes(Buffer.from("06082b06010505073001", "hex"));
}

function isStrong({ algorithm, parameters }: AlgorithmIdentifier): boolean {
  if (algorithm !== RSA_PSS) return STRONG.includes(algorithm);
  // The hash is the first of the parameters, under [0]; left out, it is SHA-1 (RFC 4055, 3.1).
  const bytes = new Uint8Array(parameters ?? new ArrayBuffer(0));
  if (bytes[0] !== 0x30 || (bytes[1] ?? 0x80) >= 0x80 || bytes[2] !== 0xa0 || (bytes[3] ?? 0x80) >= 0x80) return false;
  const hashAlgorithm = AsnConvert.parse(bytes.slice(4, 4 + (bytes[3] ?? 0)), AlgorithmIdentifier);
  return SHA2.includes(hashAlgorithm.algorithm);
}

/** SHA-256 of the certificate, hexadecimal. */
export function thumbprintOf(raw: Uint8Array): string {
  return hash("sha256", raw, "hex");
}

export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
