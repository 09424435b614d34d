import { Attribute } from "@peculiar/asn1-cms";
import { AsnArray, AsnConvert, AsnProp, AsnPropTypes, AsnType, AsnTypeTypes, OctetString } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";

const SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
const SHA256 = "2.16.840.1.101.3.4.2.1";

/** ESSCertIDv2 (RFC 5035, 4): the hash of a certificate. */
class CertificateId {
  hashAlgorithm?: AlgorithmIdentifier;
  certHash: OctetString = new OctetString();
  issuerSerial?: ArrayBuffer;
}
AsnType({ type: AsnTypeTypes.Sequence })(CertificateId);
AsnProp({ type: AlgorithmIdentifier, optional: true })(CertificateId.prototype, "hashAlgorithm");
AsnProp({ type: OctetString })(CertificateId.prototype, "certHash");
AsnProp({ type: AsnPropTypes.Any, optional: true })(CertificateId.prototype, "issuerSerial");

/** SigningCertificateV2 (RFC 5035, 3): the signer's own certificate first. */
class SigningCertificate {
  certificates: CertificateId[] = [];
  policies?: ArrayBuffer;
}
AsnType({ type: AsnTypeTypes.Sequence })(SigningCertificate);
AsnProp({ type: CertificateId, repeated: "sequence" })(SigningCertificate.prototype, "certificates");
AsnProp({ type: AsnPropTypes.Any, optional: true })(SigningCertificate.prototype, "policies");

/** Which certificate a CMS signature is by, as the signature itself says; undefined where it says none, or two. */
export function readSigningCertificate(
  attributes: readonly Attribute[],
): { readonly hashAlgorithm: string; readonly certHash: Uint8Array } | undefined {
  const found = attributes.filter(({ attrType }) => attrType === SIGNING_CERTIFICATE_V2);
  const [value, ...more] = found.flatMap(({ attrValues }) => attrValues);
  if (value === undefined || more.length > 0) return undefined;
  const [own] = AsnConvert.parse(value, SigningCertificate).certificates;
  if (own === undefined) return undefined;
  return {
    hashAlgorithm: own.hashAlgorithm?.algorithm ?? SHA256,
    certHash: new Uint8Array(own.certHash.buffer),
  };
}

/** A SET OF Attribute (RFC 5652, 5.3). */
class AttributeSet extends AsnArray<Attribute> {}
AsnType({ type: AsnTypeTypes.Set, itemType: Attribute })(AttributeSet);

/** The bytes that a CMS signature is over: its attributes as a SET in DER, however they stand there (RFC 5652, 5.4). */
export function encodeSignedAttributes(attributes: readonly Attribute[]): Uint8Array {
  const sorted = attributes
    .map((attribute) => ({ attribute, bytes: Buffer.from(AsnConvert.serialize(attribute)) }))
    .toSorted((left, right) => Buffer.compare(left.bytes, right.bytes));
  return new Uint8Array(AsnConvert.serialize(new AttributeSet(sorted.map(({ attribute }) => attribute))));
}
