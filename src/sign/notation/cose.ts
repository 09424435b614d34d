import { decode, type DecodeOptions, encode, Tag } from "cbor2";
import type { NotaryAlgorithm } from "./algorithm.ts";
import { NOTARY_ALGORITHMS } from "./algorithm.ts";
import {
  checkAttributes,
  checkChainLength,
  criticalOf,
  type EnvelopeDraft,
  invalid,
  NOTARY_PAYLOAD_TYPE,
  type NotaryEnvelope,
  NotaryHeader,
  shown,
  type SignedAttributes,
} from "./envelope.ts";

/** Labels of header parameters (RFC 9052, 3.1; RFC 9360). */
const Label = { alg: 1, critical: 2, contentType: 3, x5chain: 33 } as const;
const SIGN1 = 18;
const EPOCH = 1;
/** An envelope is a tag, an array, a map and an array. */
const MAX_DEPTH = 8;

const READ: DecodeOptions = {
  // Headers have numbers and texts for keys: 1 and "1" are two of them.
  preferMap: true,
  ignoreGlobalTags: true,
  rejectDuplicateKeys: true,
  // A key in a longer form would be another one to whoever compares bytes.
  requirePreferred: true,
  rejectStreaming: true,
  rejectUndefined: true,
  maxDepth: MAX_DEPTH,
};

/** The bytes that a COSE_Sign1 signs (RFC 9052, 4.4). */
function toBeSigned(head: Uint8Array, payload: Uint8Array): Uint8Array {
  return encode(["Signature1", plain(head), new Uint8Array(0), plain(payload)], { cde: true });
}

function epoch(time: Date): Tag {
  return new Tag(EPOCH, Math.floor(time.getTime() / 1000));
}

/** A COSE_Sign1 (signature-envelope-cose.md), before it is signed. */
export function draftCose(
  payload: Uint8Array,
  attributes: SignedAttributes,
  algorithm: NotaryAlgorithm,
): EnvelopeDraft {
  const { scheme, signingTime, expiry } = attributes;
  const time = scheme === "notary.x509" ? NotaryHeader.SigningTime : NotaryHeader.AuthenticSigningTime;
  const head = encode(
    new Map<number | string, unknown>([
      [Label.alg, algorithm.cose],
      [Label.critical, criticalOf(attributes)],
      [Label.contentType, NOTARY_PAYLOAD_TYPE],
      [NotaryHeader.Scheme, scheme],
      [time, epoch(signingTime)],
      ...(expiry === undefined ? [] : [[NotaryHeader.Expiry, epoch(expiry)] as [string, Tag]]),
    ]),
    { cde: true },
  );
  return {
    message: toBeSigned(head, payload),
    seal: ({ signature, certificates, timestamp, agent }) => {
      const beside = new Map<number | string, unknown>([
        [Label.x5chain, certificates.map(plain)],
        [NotaryHeader.Agent, agent],
        ...(timestamp === undefined ? [] : [[NotaryHeader.Timestamp, plain(timestamp)] as [string, Uint8Array]]),
      ]);
      return encode(new Tag(SIGN1, [head, beside, plain(payload), plain(signature)]), { cde: true });
    },
  };
}

/** A Buffer has a form of its own in JSON, which CBOR should not pick up. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function read(bytes: Uint8Array): unknown {
  try {
    return decode(plain(bytes), READ);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : "it cannot be read";
    throw invalid(`it is no CBOR that is taken: ${reason}`);
  }
}

/** @throws OciError MANIFEST_INVALID */
export function parseCose(bytes: Uint8Array): NotaryEnvelope {
  const outer = read(bytes);
  if (!(outer instanceof Tag) || Number(outer.tag) !== SIGN1 || !Array.isArray(outer.contents)) {
    throw invalid("it is no tagged COSE_Sign1");
  }
  const parts: readonly unknown[] = outer.contents;
  if (parts.length !== 4) throw invalid(`it has ${parts.length} parts, expected 4`);
  const head = requireBytes(parts[0], "the protected header");
  const beside = requireMap(parts[1], "the unprotected header");
  const payload = requireBytes(parts[2], "the payload");
  const signature = requireBytes(parts[3], "the signature");
  const fields = requireMap(read(head), "the protected header");
  const label = fields.get(Label.alg);
  const name = NOTARY_ALGORITHMS.find(({ cose }) => cose === label)?.name;
  if (name === undefined) throw invalid(`the algorithm ${shown(label)} is none of notation's`);
  const attributes = checkAttributes({
    contentType: fields.get(Label.contentType),
    critical: fields.get(Label.critical),
    scheme: fields.get(NotaryHeader.Scheme),
    signingTime: readTime(fields.get(NotaryHeader.SigningTime)),
    authenticSigningTime: readTime(fields.get(NotaryHeader.AuthenticSigningTime)),
    expiry: readTime(fields.get(NotaryHeader.Expiry)),
  });
  if (fields.has(Label.x5chain) && beside.has(Label.x5chain)) throw invalid("it has two chains of certificates");
  const chain: unknown = fields.get(Label.x5chain) ?? beside.get(Label.x5chain);
  // A chain of one may stand there without its array (RFC 9360).
  const listed: readonly unknown[] = Array.isArray(chain) ? chain : [chain];
  checkChainLength(listed.length);
  const timestamp = beside.get(NotaryHeader.Timestamp);
  return {
    ...attributes,
    format: "cose",
    algorithm: name,
    payload,
    certificates: listed.map((each) => requireBytes(each, "a certificate")),
    ...(timestamp === undefined ? {} : { timestamp: requireBytes(timestamp, "the timestamp") }),
    message: toBeSigned(head, payload),
    signature,
  };
}

function requireBytes(value: unknown, what: string): Uint8Array {
  if (value instanceof Uint8Array && value.length > 0) return value;
  throw invalid(`${what} must be a byte string`);
}

function requireMap(value: unknown, what: string): ReadonlyMap<unknown, unknown> {
  if (value instanceof Map) return value;
  throw invalid(`${what} must be a map`);
}

/** Seconds since 1970 (RFC 8949, 3.4.2). */
function readTime(value: unknown): Date | undefined {
  if (value === undefined) return undefined;
  const seconds = value instanceof Tag && Number(value.tag) === EPOCH ? value.contents : undefined;
  const time = new Date(typeof seconds === "number" ? seconds * 1000 : Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw invalid("a time in it is none");
}
