import { encodeJson, type JsonValue } from "../../spec/json.ts";
import { decodeBase64, encodeBase64 } from "../base64.ts";
import { parseObject, requireArray, requireBase64, requireObject, requireText } from "../signed-json.ts";
import type { NotaryAlgorithm } from "./algorithm.ts";
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
  WHAT,
} from "./envelope.ts";
import { NOTARY_ALGORITHMS } from "./algorithm.ts";
import { formatTime } from "../../spec/time.ts";

const TOP: readonly string[] = ["payload", "protected", "header", "signature"];
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

/** Exactly as RFC 7515 spells it, so that one signature has one spelling. */
function decodeBase64url(value: JsonValue | undefined, where: string): Uint8Array {
  const text = requireText(value, WHAT, where);
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") === text) return bytes;
  throw invalid(`${where} must be base64url`);
}

/** A JWS in flattened JSON form (signature-envelope-jws.md), before it is signed. */
export function draftJws(payload: Uint8Array, attributes: SignedAttributes, algorithm: NotaryAlgorithm): EnvelopeDraft {
  const { scheme, signingTime, expiry } = attributes;
  const time = scheme === "notary.x509" ? NotaryHeader.SigningTime : NotaryHeader.AuthenticSigningTime;
  const head = base64url(
    encodeJson({
      alg: algorithm.name,
      crit: criticalOf(attributes),
      cty: NOTARY_PAYLOAD_TYPE,
      ...(expiry === undefined ? {} : { [NotaryHeader.Expiry]: formatTime(expiry) }),
      [NotaryHeader.Scheme]: scheme,
      [time]: formatTime(signingTime),
    }),
  );
  const body = base64url(payload);
  return {
    message: Buffer.from(`${head}.${body}`, "ascii"),
    seal: ({ signature, certificates, timestamp, agent }) =>
      encodeJson({
        payload: body,
        protected: head,
        header: {
          ...(timestamp === undefined ? {} : { [NotaryHeader.Timestamp]: encodeBase64(timestamp) }),
          x5c: certificates.map(encodeBase64),
          [NotaryHeader.Agent]: agent,
        },
        signature: base64url(signature),
      }),
  };
}

/** @throws OciError MANIFEST_INVALID */
export function parseJws(bytes: Uint8Array): NotaryEnvelope {
  const document = parseObject(bytes, WHAT);
  const foreign = Object.keys(document).find((key) => !TOP.includes(key));
  if (foreign !== undefined) throw invalid(`it has a field ${shown(foreign)}`);
  const protectedText = requireText(document["protected"], WHAT, "protected");
  const head = parseObject(decodeBase64url(protectedText, "protected"), "protected header of a notation signature");
  const name = NOTARY_ALGORITHMS.find((each) => each.name === head["alg"])?.name;
  if (name === undefined) throw invalid(`the algorithm ${shown(head["alg"])} is none of notation's`);
  const attributes = checkAttributes({
    contentType: head["cty"],
    critical: head["crit"],
    scheme: head[NotaryHeader.Scheme],
    signingTime: readTime(head[NotaryHeader.SigningTime]),
    authenticSigningTime: readTime(head[NotaryHeader.AuthenticSigningTime]),
    expiry: readTime(head[NotaryHeader.Expiry]),
  });
  const beside = requireObject(document["header"], WHAT, "header");
  const listed = requireArray(beside["x5c"], WHAT, "header.x5c");
  checkChainLength(listed.length);
  const timestamp = beside[NotaryHeader.Timestamp];
  const payloadText = requireText(document["payload"], WHAT, "payload");
  return {
    ...attributes,
    format: "jws",
    algorithm: name,
    payload: decodeBase64url(payloadText, "payload"),
    certificates: listed.map((each, at) => requireBase64(each, WHAT, `header.x5c[${at}]`)),
    ...(timestamp === undefined ? {} : { timestamp: readTimestamp(timestamp) }),
    message: Buffer.from(`${protectedText}.${payloadText}`, "ascii"),
    signature: decodeBase64url(document["signature"], "signature"),
  };
}

function readTimestamp(value: JsonValue): Uint8Array {
  const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
  if (bytes && bytes.length > 0) return bytes;
  throw invalid("its timestamp must be base64");
}

function readTime(value: JsonValue | undefined): Date | undefined {
  if (value === undefined) return undefined;
  const time = typeof value === "string" && TIME.test(value) ? new Date(value) : undefined;
  if (time && !Number.isNaN(time.getTime())) return time;
  throw invalid(`${shown(value)} is no time`);
}
