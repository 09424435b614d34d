import { createPublicKey, hash, type KeyObject, X509Certificate } from "node:crypto";
import { OciError } from "../../error/oci-error.ts";
import type { Signal } from "../../store/content.ts";
import type { HashName } from "../algorithm.ts";
import type { Pkcs11Uri } from "./uri.ts";
import type { Token } from "./token.ts";
import { parseListing, type TokenObject } from "./token-listing.ts";

/** A key that never leaves its token. */
export interface TokenKey {
  /** What the token calls it, lower-case hex. */
  readonly id: string;
  readonly publicKey: KeyObject;
  /** Beside it on the token. */
  readonly certificate?: X509Certificate;
}

/** How a token is to sign. */
export type TokenScheme =
  | { readonly kind: "ecdsa"; readonly hash: HashName; readonly form: "der" | "p1363" }
  | { readonly kind: "rsa-pkcs1"; readonly hash: "sha256" }
  | { readonly kind: "rsa-pss"; readonly hash: HashName };

/** DigestInfo of SHA-256 up to the hash itself (RFC 8017, 9.2, note 1): the token signs what it is given. */
const DIGEST_INFO = Buffer.from("3031300d060960864801650304020105000420", "hex");

/**
 * Finds the one key that a URI names. Tools and tokens disagree on what a label means when they sign, so
 * from here on it goes by its id.
 * @throws OciError FILE_INVALID where there is no such key, or more than one; and as {@link Token.ask}
 */
export async function findTokenKey(token: Token, uri: Pkcs11Uri, waits: Signal): Promise<TokenKey> {
  const objects = parseListing((await token.ask(["--list-objects"], waits)).toString("utf8"));
  const keys = objects.filter(
    ({ kind, label, id }) =>
      kind === "private" &&
      (uri.object === undefined || label === uri.object) &&
      (uri.id === undefined || id === uri.id),
  );
  const wanted = uri.object === undefined ? `the id ${uri.id ?? ""}` : `the label ${uri.object}`;
  const [key, ...more] = keys;
  if (key?.id === undefined) {
    throw new OciError("FILE_INVALID", `The token has no private key of ${wanted} with an id`, {
      hint: "List its keys with: pkcs11-tool --module LIBRARY --login --list-objects --type privkey",
    });
  }
  if (more.length > 0) {
    throw new OciError("FILE_INVALID", `The token has ${keys.length} private keys of ${wanted}`, {
      hint: "Say which by its id in the URI, for example id=%01",
    });
  }
  const beside = (kind: TokenObject["kind"]): TokenObject | undefined =>
    objects.find((each) => each.kind === kind && each.id === key.id);
  const certificate = beside("certificate") ? await readCertificate(token, key.id, waits) : undefined;
  const own = beside("public");
  const publicKey = own ? (own.publicKey ?? (await readPublicKey(token, key.id, waits))) : certificate?.publicKey;
  if (publicKey === undefined) {
    throw new OciError("FILE_INVALID", `The token has neither a public key nor a certificate of the id ${key.id}`, {
      hint: "Write one there with: pkcs11-tool --write-object FILE --type cert --id ID",
    });
  }
  return { id: key.id, publicKey, ...(certificate ? { certificate } : {}) };
}

async function readPublicKey(token: Token, id: string, waits: Signal): Promise<KeyObject> {
  const bytes = await token.ask(["--read-object", "--type", "pubkey", "--id", id], waits);
  try {
    const isPem = bytes.subarray(0, 11).toString("latin1") === "-----BEGIN ";
    return isPem ? createPublicKey(bytes) : createPublicKey({ key: bytes, format: "der", type: "spki" });
  } catch (cause) {
    throw new OciError("FILE_INVALID", `The public key ${id} of the token cannot be read`, { cause });
  }
}

async function readCertificate(token: Token, id: string, waits: Signal): Promise<X509Certificate> {
  const bytes = await token.ask(["--read-object", "--type", "cert", "--id", id], waits);
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw new OciError("FILE_INVALID", `The certificate ${id} of the token cannot be read`, { cause });
  }
}

/** A signature by a key of a token; whoever asks verifies it. @throws OciError as {@link Token.ask} */
export function signOnToken(
  token: Token,
  { id }: TokenKey,
  scheme: TokenScheme,
  message: Uint8Array,
  waits: Signal,
): Promise<Buffer> {
  const sign = (options: readonly string[], input: Uint8Array): Promise<Buffer> =>
    token.ask(["--sign", "--id", id, ...options], waits, input);
  // Only hashes go there: messages can be larger than what a token takes.
  const digest = hash(scheme.hash, message, "buffer");
  switch (scheme.kind) {
    case "ecdsa":
      return sign(["--mechanism", "ECDSA", "--signature-format", scheme.form === "der" ? "openssl" : "rs"], digest);
    case "rsa-pkcs1":
      return sign(["--mechanism", "RSA-PKCS"], Buffer.concat([DIGEST_INFO, digest]));
    case "rsa-pss": {
      const name = scheme.hash.toUpperCase();
      const salt = String(Number(scheme.hash.slice(3)) / 8);
      const parameters = ["--hash-algorithm", name, "--mgf", `MGF1-${name}`, "--salt-len", salt];
      return sign(["--mechanism", "RSA-PKCS-PSS", ...parameters], digest);
    }
  }
}
