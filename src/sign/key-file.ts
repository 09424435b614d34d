import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import { algorithmOfKey } from "./algorithm.ts";
import { decryptKey, ENCRYPTED_LABELS, encryptKey } from "./encrypted-key.ts";
import type { KeyKind } from "./key-kind.ts";
import { encodePem, parsePem } from "./pem.ts";

/** Gives the password of an encrypted key; asked for only where there is one. */
export type AskPassword = () => Promise<string>;

const generate = promisify(generateKeyPair);
const CURVES: Readonly<Record<string, string>> = { p256: "P-256", p384: "P-384", p521: "P-521" };

/** Makes a private key; {@link KeyKind} says which, ECDSA on P-256 when absent, as cosign. */
export async function generateKey(kind: KeyKind = "ecdsa-p256"): Promise<KeyObject> {
  const [family, size = ""] = kind.split("-");
  if (family === "rsa") return (await generate("rsa", { modulusLength: Number(size) })).privateKey;
  if (family === "ed25519") return (await generate("ed25519")).privateKey;
  return (await generate("ec", { namedCurve: CURVES[size] ?? "P-256" })).privateKey;
}

function textOf(bytes: Uint8Array, what: string): string {
  if (bytes.length > Limits.key) {
    throw new OciError("LIMIT_EXCEEDED", `The ${what} has ${bytes.length} bytes, the limit is ${Limits.key}`);
  }
  return Buffer.from(bytes).toString("latin1");
}

/**
 * Reads a private key: cosign's encrypted PEM, PKCS#8 (encrypted or not), PKCS#1 or SEC 1.
 * @param what names the key in messages
 * @throws OciError FILE_INVALID, LIMIT_EXCEEDED, and what `password` throws
 */
export async function parsePrivateKey(
  bytes: Uint8Array,
  password: AskPassword,
  what = "private key",
): Promise<KeyObject> {
  const text = textOf(bytes, what);
  const block = parsePem(text, what);
  if (block.label.includes("PUBLIC KEY")) {
    throw new OciError("FILE_INVALID", `Invalid ${what}: it is a public key, a private one is needed`);
  }
  if (ENCRYPTED_LABELS.some((label) => label === block.label)) {
    const pkcs8 = await decryptKey(block.bytes, await password());
    return fit(what, () => createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" }));
  }
  const encrypted = block.label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: .*ENCRYPTED/m.test(text);
  const passphrase = encrypted ? await password() : undefined;
  return fit(what, () =>
    createPrivateKey({ key: text, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) }),
  );
}

/**
 * Reads a public key: PKIX (`PUBLIC KEY`) or PKCS#1.
 * @param what names the key in messages
 * @throws OciError FILE_INVALID, LIMIT_EXCEEDED
 */
export function parsePublicKey(bytes: Uint8Array, what = "public key"): KeyObject {
  const text = textOf(bytes, what);
  const { label } = parsePem(text, what);
  if (label !== "PUBLIC KEY" && label !== "RSA PUBLIC KEY") {
    throw new OciError("FILE_INVALID", `Invalid ${what}: expected a public key, got ${label}`, {
      hint: "Print the public key of a private one with: berth key public",
    });
  }
  return fit(what, () => createPublicKey({ key: text, format: "pem" }));
}

function fit(what: string, read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new OciError("FILE_INVALID", `Invalid ${what}: it cannot be read, or its password is wrong`, { cause });
  }
  algorithmOfKey(key);
  return key;
}

/** A private key as cosign keeps it: encrypted with a password, which may be empty. */
export async function encodePrivateKey(key: KeyObject, password: string): Promise<string> {
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  return encodePem({ label: ENCRYPTED_LABELS[0], bytes: await encryptKey(pkcs8, password) });
}

/** The public key of a key, PEM. */
export function encodePublicKey(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.export({ type: "spki", format: "pem" }).toString();
}
