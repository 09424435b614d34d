import { hash, type KeyObject, sign } from "node:crypto";
import { createServer } from "node:http";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  Attribute,
  CertificateChoices,
  CertificateSet,
  ContentInfo,
  DigestAlgorithmIdentifiers,
  EncapsulatedContent,
  EncapsulatedContentInfo,
  IssuerAndSerialNumber,
  SignedData,
  SignerIdentifier,
  SignerInfo,
  SignerInfos,
} from "@peculiar/asn1-cms";
import {
  Accuracy,
  MessageImprint,
  PKIStatusInfo,
  TimeStampReq,
  TimeStampResp,
  TimeStampToken,
  TSTInfo,
} from "@peculiar/asn1-tsp";
import { AlgorithmIdentifier, Certificate } from "@peculiar/asn1-x509";
import { type CertificateOptions, type Holder, issue, nameOf, TIME_STAMPING, Usage } from "./authority.ts";

/** What a timestamp has otherwise than it should. */
export interface StampOptions {
  readonly time?: Date;
  readonly accuracy?: number;
  /** Speak of these bytes instead. */
  readonly of?: Uint8Array;
  readonly nonce?: ArrayBuffer;
  /** Speak of what has this hash. */
  readonly imprint?: MessageImprint;
  /** Leave out which certificate it is by, or name another. */
  readonly names?: Holder | null;
  readonly hash?: "sha1" | "sha256";
  /** Change the time after it was signed. */
  readonly changed?: boolean;
  readonly signers?: number;
  /** Sign with this instead of the clock's key. */
  readonly key?: KeyObject;
}

const HASHES = { sha1: "1.3.14.3.2.26", sha256: "2.16.840.1.101.3.4.2.1" } as const;
const TST_INFO = "1.2.840.113549.1.9.16.1.4";
const ECDSA_SHA256 = "1.2.840.10045.4.3.2";

/** A certificate of a clock, and its root. */
export function issueClock(options: CertificateOptions = {}): Holder & { readonly root: Holder } {
  const root = issue({
    authority: true,
    subject: nameOf(["CN", "clock root"]),
    notBefore: new Date("2019-01-01"),
    notAfter: new Date("2040-01-01"),
  });
  const own = issue({
    issuer: root,
    subject: nameOf(["CN", "clock"]),
    purposes: [TIME_STAMPING],
    purposesCritical: true,
    keyUsage: Usage.digitalSignature,
    notAfter: new Date("2039-01-01"),
    ...options,
  });
  return { ...own, root };
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function bytesOf(buffer: Uint8Array): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}

/** A TimeStampToken over some bytes (RFC 3161). */
export function stamp(clock: Holder, message: Uint8Array, options: StampOptions = {}): Uint8Array {
  const digest = options.hash ?? "sha256";
  const algorithm = new AlgorithmIdentifier({ algorithm: HASHES[digest] });
  const info = new TSTInfo({
    version: 1,
    policy: "1.2.3.4",
    messageImprint:
      options.imprint ??
      new MessageImprint({
        hashAlgorithm: algorithm,
        hashedMessage: new OctetString(hash(digest, options.of ?? message, "buffer")),
      }),
    serialNumber: bytesOf(Buffer.from([1])),
    genTime: options.time ?? new Date(),
    ...(options.accuracy === undefined ? {} : { accuracy: new Accuracy({ seconds: options.accuracy }) }),
    ...(options.nonce === undefined ? {} : { nonce: options.nonce }),
  });
  const content = Buffer.from(AsnConvert.serialize(info));
  const named = options.names === undefined ? clock : options.names;
  const attribute = (attrType: string, value: Uint8Array): Attribute =>
    new Attribute({ attrType, attrValues: [bytesOf(value)] });
  const attributes = [
    attribute("1.2.840.113549.1.9.3", Buffer.from("060b2a864886f70d0109100104", "hex")),
    attribute("1.2.840.113549.1.9.4", der(0x04, hash("sha256", content, "buffer"))),
    ...(named === null
      ? []
      : [
          attribute(
            "1.2.840.113549.1.9.16.2.47",
            der(0x30, der(0x30, der(0x30, der(0x04, hash("sha256", named.raw, "buffer"))))),
          ),
        ]),
  ];
  const signed = der(
    0x31,
    ...attributes.map((each) => Buffer.from(AsnConvert.serialize(each))).toSorted((a, b) => Buffer.compare(a, b)),
  );
  const certificate = AsnConvert.parse(clock.raw, Certificate);
  const signer = new SignerInfo({
    version: 1,
    sid: new SignerIdentifier({
      issuerAndSerialNumber: new IssuerAndSerialNumber({
        issuer: certificate.tbsCertificate.issuer,
        serialNumber: certificate.tbsCertificate.serialNumber,
      }),
    }),
    digestAlgorithm: new AlgorithmIdentifier({ algorithm: HASHES.sha256 }),
    signedAttrs: attributes.toSorted((a, b) =>
      Buffer.compare(Buffer.from(AsnConvert.serialize(a)), Buffer.from(AsnConvert.serialize(b))),
    ),
    signatureAlgorithm: new AlgorithmIdentifier({ algorithm: ECDSA_SHA256 }),
    signature: new OctetString(sign("sha256", signed, options.key ?? clock.key)),
  });
  if (options.changed) content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
  const data = new SignedData({
    version: 3,
    digestAlgorithms: new DigestAlgorithmIdentifiers([new AlgorithmIdentifier({ algorithm: HASHES.sha256 })]),
    encapContentInfo: new EncapsulatedContentInfo({
      eContentType: TST_INFO,
      eContent: new EncapsulatedContent({ single: new OctetString(content) }),
    }),
    certificates: new CertificateSet([new CertificateChoices({ certificate })]),
    signerInfos: new SignerInfos(Array.from({ length: options.signers ?? 1 }, () => signer)),
  });
  return new Uint8Array(
    AsnConvert.serialize(new ContentInfo({ contentType: "1.2.840.113549.1.7.2", content: AsnConvert.serialize(data) })),
  );
}

/** A timestamp authority on loopback; `answer` makes it misbehave. */
export async function serveClock(
  clock: Holder,
  answer: {
    readonly status?: number;
    readonly refused?: boolean;
    readonly nonce?: boolean;
    readonly body?: string;
  } = {},
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const asked = AsnConvert.parse(Buffer.concat(chunks), TimeStampReq);
      const token = stamp(clock, new Uint8Array(), {
        imprint: asked.messageImprint,
        ...(answer.nonce === false || asked.nonce === undefined ? {} : { nonce: asked.nonce }),
      });
      const granted = new PKIStatusInfo({ status: answer.refused ? 2 : 0 });
      const reply = new TimeStampResp({
        status: granted,
        ...(answer.refused ? {} : { timeStampToken: AsnConvert.parse(token, TimeStampToken) }),
      });
      response.statusCode = answer.status ?? 200;
      response.setHeader("content-type", "application/timestamp-reply");
      response.end(answer.body ?? Buffer.from(AsnConvert.serialize(reply)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("No port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
