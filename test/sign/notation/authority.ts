import { createPublicKey, generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  KeyUsage,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
} from "@peculiar/asn1-x509";
import { encodePem } from "../../../src/sign/pem.ts";

export type Kind = "P-256" | "P-384" | "P-521" | "RSA-2048" | "RSA-3072" | "RSA-4096" | "RSA-1024" | "ed25519";

/** A key with its certificate, and whoever issued that. */
export interface Holder {
  readonly key: KeyObject;
  readonly raw: Uint8Array;
  /** Its own first, the root last. */
  readonly chain: readonly Uint8Array[];
  readonly name: Name;
}

export interface CertificateOptions {
  /** Pairs of an object identifier's short name and a value; each its own part of the name. */
  readonly subject?: readonly (readonly [string, string])[];
  readonly issuer?: Holder;
  readonly kind?: Kind;
  readonly key?: KeyObject;
  /** Bits of RFC 5280; null leaves the extension out. */
  readonly keyUsage?: number | null;
  readonly keyUsageCritical?: boolean;
  readonly purposes?: readonly string[];
  readonly purposesCritical?: boolean;
  /** Makes it an authority's; a number is how many may stand below. */
  readonly authority?: boolean | number;
  readonly constraintsCritical?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly hash?: "sha1" | "sha256";
  readonly extensions?: readonly Extension[];
}

export const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
export const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const Usage = { digitalSignature: 1, keyEncipherment: 4, certSign: 32 } as const;

const TYPES: Readonly<Record<string, string>> = {
  CN: "2.5.4.3",
  C: "2.5.4.6",
  L: "2.5.4.7",
  ST: "2.5.4.8",
  O: "2.5.4.10",
  OU: "2.5.4.11",
};
const SIGNATURES = {
  ec: { sha1: "1.2.840.10045.4.1", sha256: "1.2.840.10045.4.3.2" },
  rsa: { sha1: "1.2.840.113549.1.1.5", sha256: "1.2.840.113549.1.1.11" },
} as const;

export function nameOf(...parts: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return [["C", "US"], ["ST", "WA"], ["O", "example.com"], ...parts];
}

const rsaKeys = new Map<Kind, KeyObject>();

/** RSA keys take a while: tests share one of each size. */
export function keyOf(kind: Kind): KeyObject {
  if (kind === "ed25519") return generateKeyPairSync("ed25519").privateKey;
  if (!kind.startsWith("RSA")) return generateKeyPairSync("ec", { namedCurve: kind }).privateKey;
  const known = rsaKeys.get(kind) ?? generateKeyPairSync("rsa", { modulusLength: Number(kind.slice(4)) }).privateKey;
  rsaKeys.set(kind, known);
  return known;
}

function writeName(parts: readonly (readonly [string, string])[]): Name {
  return new Name(
    parts.map(
      ([type, value]) =>
        new RelativeDistinguishedName([
          new AttributeTypeAndValue({
            type: TYPES[type] ?? type,
            value: new AttributeValue({ utf8String: value }),
          }),
        ]),
    ),
  );
}

export function extension(extnID: string, critical: boolean, value: ArrayBuffer): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(value) });
}

/** Issues a certificate that is right for signing code, but for what is asked for otherwise. */
export function issue(options: CertificateOptions = {}): Holder {
  const { issuer, authority = false, keyUsageCritical = true, constraintsCritical = true } = options;
  const { keyUsage = authority === false ? Usage.digitalSignature : Usage.certSign, hash: digest = "sha256" } = options;
  const key = options.key ?? keyOf(options.kind ?? "P-256");
  const name = writeName(options.subject ?? nameOf(["CN", authority === false ? "signer" : "authority"]));
  const extensions = [...(options.extensions ?? [])];
  if (keyUsage !== null) {
    const bits = new KeyUsage(keyUsage);
    extensions.push(extension("2.5.29.15", keyUsageCritical, AsnConvert.serialize(bits)));
  }
  if (authority !== false) {
    const constraints = new BasicConstraints({
      cA: true,
      ...(typeof authority === "number" ? { pathLenConstraint: authority } : {}),
    });
    extensions.push(extension("2.5.29.19", constraintsCritical, AsnConvert.serialize(constraints)));
  }
  if (options.purposes) {
    const purposes = new ExtendedKeyUsage([...options.purposes]);
    extensions.push(extension("2.5.29.37", options.purposesCritical ?? false, AsnConvert.serialize(purposes)));
  }
  const signer = issuer?.key ?? key;
  const algorithm = SIGNATURES[signer.asymmetricKeyType === "rsa" ? "rsa" : "ec"][digest];
  const parameters = signer.asymmetricKeyType === "rsa" ? { parameters: null } : {};
  const serialNumber = randomBytes(8);
  serialNumber[0] = 0x41;
  const tbsCertificate = new TBSCertificate({
    version: 2,
    serialNumber: new Uint8Array(serialNumber).buffer,
    signature: new AlgorithmIdentifier({ algorithm, ...parameters }),
    issuer: issuer?.name ?? name,
    validity: new Validity({
      notBefore: new Date(options.notBefore ?? Date.now() - 3_600_000),
      notAfter: new Date(options.notAfter ?? Date.now() + 3_600_000),
    }),
    subject: name,
    subjectPublicKeyInfo: AsnConvert.parse(
      createPublicKey(key).export({ type: "spki", format: "der" }),
      SubjectPublicKeyInfo,
    ),
    ...(extensions.length === 0 ? {} : { extensions: new Extensions(extensions) }),
  });
  const signature = sign(digest, Buffer.from(AsnConvert.serialize(tbsCertificate)), signer);
  const raw = new Uint8Array(
    AsnConvert.serialize(
      new Certificate({
        tbsCertificate,
        signatureAlgorithm: new AlgorithmIdentifier({ algorithm, ...parameters }),
        signatureValue: new Uint8Array(signature).buffer,
      }),
    ),
  );
  return { key, raw, name, chain: [raw, ...(issuer?.chain ?? [])] };
}

/** A root, an authority below it, and a signer's certificate by that. */
export function issueChain(options: CertificateOptions = {}): Holder & { readonly root: Holder } {
  const root = issue({ authority: true, subject: nameOf(["CN", "root"]) });
  const middle = issue({ authority: 0, subject: nameOf(["CN", "middle"]), issuer: root });
  return { ...issue({ issuer: middle, ...options }), root };
}

/** As files have certificates. */
export function pemOf(chain: readonly Uint8Array[]): string {
  return chain.map((bytes) => encodePem({ label: "CERTIFICATE", bytes })).join("");
}

export function thumbprint(raw: Uint8Array): string {
  return hash("sha256", raw, "hex");
}
