import type { KeyObject } from "node:crypto";
import { encode, Tag } from "cbor2";
import {
  NOTARY_ALGORITHMS,
  type NotaryAlgorithm,
  notaryAlgorithmOf,
  signNotary,
} from "../../../src/sign/notation/algorithm.ts";
import type { EnvelopeFormat } from "../../../src/sign/notation/envelope.ts";
import type { Descriptor } from "../../../src/spec/descriptor.ts";
import type { Holder } from "./authority.ts";

/** What is otherwise than a signer would have it; undefined leaves a header out. */
export interface Forgery {
  readonly head?: Readonly<Record<string, unknown>>;
  readonly payload?: unknown;
  readonly chain?: readonly Uint8Array[];
  readonly key?: KeyObject;
  /** What it is signed with, whatever it says. */
  readonly algorithm?: NotaryAlgorithm["name"];
  readonly beside?: Readonly<Record<string, unknown>>;
}

const NOTARY = "io.cncf.notary.";

function algorithmFor(key: KeyObject, name: Forgery["algorithm"]): NotaryAlgorithm {
  const found = NOTARY_ALGORITHMS.find((each) => each.name === name) ?? notaryAlgorithmOf(key);
  if (!found) throw new TypeError("No algorithm");
  return found;
}

/** An envelope of either format, made by hand: whatever is signed is signed rightly. */
export function forge(format: EnvelopeFormat, holder: Holder, subject: Descriptor, forgery: Forgery = {}): Uint8Array {
  const { mediaType, digest, size } = subject;
  const key = forgery.key ?? holder.key;
  const algorithm = algorithmFor(key, forgery.algorithm);
  const payload = Buffer.from(JSON.stringify(forgery.payload ?? { targetArtifact: { mediaType, digest, size } }));
  const time = new Date(Date.now() - 1000);
  const head: Record<string, unknown> = {
    alg: algorithm.name,
    cty: "application/vnd.cncf.notary.payload.v1+json",
    crit: [`${NOTARY}signingScheme`],
    [`${NOTARY}signingScheme`]: "notary.x509",
    [`${NOTARY}signingTime`]: time,
    ...forgery.head,
  };
  const chain = forgery.chain ?? holder.chain;
  return format === "jws"
    ? forgeJws(head, payload, chain, forgery.beside ?? {}, (message) => signNotary(algorithm, message, key))
    : forgeCose(head, payload, chain, forgery.beside ?? {}, (message) => signNotary(algorithm, message, key));
}

type Sign = (message: Uint8Array) => Uint8Array;
type Fields = Readonly<Record<string, unknown>>;

function forgeJws(head: Fields, payload: Buffer, chain: readonly Uint8Array[], beside: Fields, sign: Sign): Uint8Array {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const written = Object.entries(head).map(([name, value]) => [
    name,
    value instanceof Date ? value.toISOString().replace(/\.\d+Z$/, "Z") : value,
  ]);
  const protectedHead = Buffer.from(JSON.stringify(Object.fromEntries(written))).toString("base64url");
  const body = payload.toString("base64url");
  const signature = sign(Buffer.from(`${protectedHead}.${body}`));
  return Buffer.from(
    JSON.stringify({
      payload: body,
      protected: protectedHead,
      header: {
        x5c: chain.map(base64),
        ...Object.fromEntries(
          Object.entries(beside).map(([name, value]) => [name, value instanceof Uint8Array ? base64(value) : value]),
        ),
      },
      signature: Buffer.from(signature).toString("base64url"),
    }),
  );
}

const LABELS: Readonly<Record<string, number>> = { alg: 1, crit: 2, cty: 3 };

function forgeCose(
  head: Fields,
  payload: Buffer,
  chain: readonly Uint8Array[],
  beside: Fields,
  sign: Sign,
): Uint8Array {
  const bytes = (value: Uint8Array): Uint8Array => new Uint8Array(value);
  const fields = new Map<unknown, unknown>();
  for (const [name, value] of Object.entries(head)) {
    if (value === undefined) continue;
    const named = NOTARY_ALGORITHMS.find((each) => each.name === value)?.cose;
    const written = value instanceof Date ? new Tag(1, Math.floor(value.getTime() / 1000)) : value;
    fields.set(LABELS[name] ?? name, name === "alg" ? (named ?? value) : written);
  }
  const protectedHead = encode(fields, { cde: true });
  const message = encode(["Signature1", protectedHead, new Uint8Array(0), bytes(payload)], { cde: true });
  const unprotected = new Map<unknown, unknown>([[33, chain.map(bytes)], ...Object.entries(beside)]);
  const parts = [protectedHead, unprotected, bytes(payload), bytes(sign(message))];
  return encode(new Tag(18, parts), { cde: true });
}
