import { randomBytes, scrypt } from "node:crypto";
import { isOciError, OciError } from "../error/oci-error.ts";
import { encodeJson, isJsonObject, type JsonObject, type JsonValue, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";

/** The labels of cosign's PEM, the one it writes first. */
export const ENCRYPTED_LABELS = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"] as const;

/** scrypt's cost; memory is 128 * N * r bytes. */
interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** What cosign writes with. */
const COST: ScryptCost = { N: 65_536, r: 8, p: 1 };
const KEY_LENGTH = 32;
const NONCE_LENGTH = 24;
const SALT = { min: 16, max: 1024, own: 32 };

function invalid(problem: string, cause?: unknown): OciError {
  return new OciError("FILE_INVALID", `Invalid encrypted private key: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: "Expected a file that cosign or berth key generate wrote",
  });
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  if (isJsonObject(value)) return value;
  throw invalid(`${key} must be an object`);
}

function base64At(object: JsonObject, key: string): Buffer {
  const value = object[key];
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : undefined;
  if (bytes?.toString("base64") === value && bytes) return bytes;
  throw invalid(`${key} must be base64`);
}

/** Caps what a stranger's file may make this machine compute. */
function costAt(params: JsonObject): ScryptCost {
  const [N, r, p] = ["N", "r", "p"].map((key) => {
    const value = params[key];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
    throw invalid(`the scrypt parameter ${key} must be a positive integer`);
  }) as [number, number, number];
  if (N < 2 || 2 ** Math.round(Math.log2(N)) !== N)
    throw invalid(`the scrypt parameter N must be a power of 2, got ${N}`);
  if (128 * N * r > Limits.keyMemory || N * r * p > Limits.keyWork) {
    throw new OciError(
      "LIMIT_EXCEEDED",
      `The scrypt parameters N=${N}, r=${r}, p=${p} of the private key ask for too much memory or work`,
    );
  }
  return { N, r, p };
}

async function derive(password: string, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array> {
  // Node's own cap counts a little more than the algorithm's memory.
  const options = { ...cost, maxmem: 2 * Limits.keyMemory };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_LENGTH, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

/** Encrypts a PKCS#8 key as cosign does: scrypt, NaCl's secretbox, JSON. The bytes go into a PEM block. */
export async function encryptKey(pkcs8: Uint8Array, password: string): Promise<Uint8Array> {
  const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
  const salt = randomBytes(SALT.own);
  const nonce = randomBytes(NONCE_LENGTH);
  const sealed = xsalsa20poly1305(await derive(password, salt, COST), nonce).encrypt(pkcs8);
  return encodeJson({
    kdf: { name: "scrypt", params: COST, salt: salt.toString("base64") },
    cipher: { name: "nacl/secretbox", nonce: nonce.toString("base64") },
    ciphertext: Buffer.from(sealed).toString("base64"),
  });
}

/**
 * Opens what {@link encryptKey} or cosign made.
 * @returns the key, PKCS#8 in DER
 * @throws OciError FILE_INVALID for a wrong password or anything else than such a file, LIMIT_EXCEEDED
 */
export async function decryptKey(sealed: Uint8Array, password: string): Promise<Uint8Array> {
  const document = parse(sealed);
  if (!isJsonObject(document)) throw invalid("expected a JSON object");
  const [kdf, cipher] = [objectAt(document, "kdf"), objectAt(document, "cipher")];
  if (kdf["name"] !== "scrypt") throw invalid("the key derivation is not scrypt");
  if (cipher["name"] !== "nacl/secretbox") throw invalid("the cipher is not nacl/secretbox");
  const [salt, nonce] = [base64At(kdf, "salt"), base64At(cipher, "nonce")];
  if (salt.length < SALT.min || salt.length > SALT.max) throw invalid(`the salt has ${salt.length} bytes`);
  if (nonce.length !== NONCE_LENGTH) throw invalid(`the nonce has ${nonce.length} bytes, expected ${NONCE_LENGTH}`);
  const key = await derive(password, salt, costAt(objectAt(kdf, "params")));
  const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
  try {
    return xsalsa20poly1305(key, nonce).decrypt(base64At(document, "ciphertext"));
  } catch (cause) {
    if (isOciError(cause)) throw cause;
    throw new OciError(
      "FILE_INVALID",
      "Cannot decrypt the private key: the password is wrong, or the file is damaged",
      {
        cause,
        hint: "Set COSIGN_PASSWORD to the password that the key was made with",
      },
    );
  }
}

function parse(bytes: Uint8Array): JsonValue {
  return parseJson(bytes, "encrypted private key", "FILE_INVALID");
}
