import { hash, randomBytes } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import { ContentInfo, SignedData } from "@peculiar/asn1-cms";
import {
  MessageImprint,
  PKIStatus,
  TimeStampReq,
  TimeStampResp,
  TimeStampReqVersion,
  TSTInfo,
} from "@peculiar/asn1-tsp";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import { collect } from "../../bytes/collect.ts";
import { OciError } from "../../error/oci-error.ts";
import { Limits } from "../../spec/limits.ts";
import type { Signal } from "../../store/content.ts";
import type { HashName } from "../algorithm.ts";
import { sameBytes } from "./certificate.ts";

/** Has an authority vouch for the time. */
export interface Timestamper {
  /** @returns a TimeStampToken over the bytes, DER */
  stamp(message: Uint8Array, name: HashName, options: Signal): Promise<Uint8Array>;
}

const TIMEOUT = 30_000;
const HASHES: Readonly<Record<HashName, string>> = {
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
};

/**
 * Asks a timestamp authority (RFC 3161, 3.4, over HTTP); what it answers has to speak of these bytes and of this
 * question. Whose clock it is, is for whoever verifies.
 * @param url as `serviceUrl` takes it
 */
export function createTimestamper(url: string): Timestamper {
  return {
    async stamp(message, name, { signal }) {
      const digest = hash(name, message, "buffer");
      // The first bit is that of a sign.
      const nonce = randomBytes(16);
      nonce[0] = ((nonce[0] ?? 0) & 0x7f) | 0x40;
      const request = AsnConvert.serialize(
        new TimeStampReq({
          version: TimeStampReqVersion.v1,
          messageImprint: new MessageImprint({
            hashAlgorithm: new AlgorithmIdentifier({ algorithm: HASHES[name], parameters: null }),
            hashedMessage: new OctetString(digest),
          }),
          nonce: new Uint8Array(nonce).buffer,
          certReq: true,
        }),
      );
      const answer = await post(url, new Uint8Array(request), signal);
      return tokenOf(answer, digest, nonce);
    },
  };
}

async function post(url: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(TIMEOUT);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/timestamp-query", accept: "application/timestamp-reply" },
      body,
      redirect: "error",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (response.status !== 200 || response.body === null) {
      throw new OciError("NETWORK", `The timestamp authority answered with ${response.status}`, {
        status: response.status,
      });
    }
    return await collect(response.body, Limits.timestamp, "answer of the timestamp authority");
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof OciError) throw cause;
    throw new OciError("NETWORK", "The timestamp authority cannot be reached", { cause });
  }
}

function tokenOf(answer: Uint8Array, digest: Uint8Array, nonce: Uint8Array): Uint8Array {
  const refused = (problem: string, cause?: unknown): OciError =>
    new OciError("PROTOCOL", `The timestamp authority ${problem}`, cause === undefined ? {} : { cause });
  let response: TimeStampResp;
  try {
    response = AsnConvert.parse(new Uint8Array(answer), TimeStampResp);
  } catch (cause) {
    throw refused("answered with something that is no timestamp", cause);
  }
  const { status } = response.status;
  if ((status !== PKIStatus.granted && status !== PKIStatus.grantedWithMods) || response.timeStampToken === undefined) {
    throw refused(`refused, with status ${status}`);
  }
  const token = secondIn(answer);
  let info: TSTInfo;
  try {
    const data = AsnConvert.parse(AsnConvert.parse(token, ContentInfo).content, SignedData);
    info = AsnConvert.parse(data.encapContentInfo.eContent?.single?.buffer ?? new ArrayBuffer(0), TSTInfo);
  } catch (cause) {
    throw refused("answered with something that is no timestamp", cause);
  }
  const same = (left: ArrayBuffer | undefined, right: Uint8Array): boolean =>
    left !== undefined && sameBytes(new Uint8Array(left), right);
  if (!same(info.messageImprint.hashedMessage.buffer, digest) || !same(info.nonce, nonce)) {
    throw refused("answered another question");
  }
  return token;
}

/** The second element of a sequence as it stands there: written anew, its bytes might not be those that are signed. */
function secondIn(bytes: Uint8Array): Uint8Array {
  const first = headerEnd(bytes, 0);
  const { end } = headerEnd(bytes, first.content);
  return bytes.subarray(end, first.end);
}

/** Where the content of a DER element begins and ends. */
function headerEnd(bytes: Uint8Array, at: number): { readonly content: number; readonly end: number } {
  const short = bytes[at + 1] ?? 0;
  if (short < 0x80) return { content: at + 2, end: at + 2 + short };
  const count = short & 0x7f;
  const length = Buffer.from(bytes).readUIntBE(at + 2, Math.min(Math.max(count, 1), 6));
  return { content: at + 2 + count, end: at + 2 + count + length };
}
