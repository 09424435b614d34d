import { verify } from "node:crypto";
import { OciError } from "../../error/oci-error.ts";
import type { Signal } from "../../store/content.ts";
import { algorithmOfKey, hashOf, type SignatureAlgorithm } from "../algorithm.ts";
import { type KeySigner, keyIdOf } from "../key.ts";
import type { Signature } from "../signer.ts";
import { Token, type TokenOptions } from "./token.ts";
import { findTokenKey, signOnToken, type TokenScheme } from "./token-key.ts";
import { parsePkcs11Uri } from "./uri.ts";

/**
 * A signer by a key of a token (a hardware security module, a card), as {@link KeySigner} is by one in memory; its
 * signatures are the same, and are verified before they are given out.
 * @param reference a PKCS #11 URI
 * @throws OciError USAGE, DENIED, UNSUPPORTED, IO; FILE_INVALID for keys that berth does not sign with
 */
export async function openTokenSigner(reference: string, options: TokenOptions & Signal): Promise<KeySigner> {
  const uri = parsePkcs11Uri(reference);
  const token = await Token.open(uri, options);
  const key = await findTokenKey(token, uri, options);
  const { publicKey } = key;
  const algorithm = algorithmOfKey(publicKey);
  const scheme = schemeOf(algorithm);
  const keyId = keyIdOf(publicKey);
  const description = `key ${uri.object ?? key.id} of the token ${uri.token ?? uri.slot}`;
  return {
    description,
    algorithm,
    publicKey,
    keyId,
    async sign(message: Uint8Array, waits: Signal = {}): Promise<Signature> {
      const bytes = await signOnToken(token, key, scheme, message, waits);
      if (!verify(hashOf(algorithm), message, publicKey, bytes)) {
        throw new OciError("IO", `What the ${description} signed does not verify with its public key`);
      }
      return { bytes, algorithm, keyHint: keyId };
    },
  };
}

function schemeOf(algorithm: SignatureAlgorithm): TokenScheme {
  switch (algorithm) {
    case "rsa-pkcs1-sha256":
      return { kind: "rsa-pkcs1", hash: "sha256" };
    case "ed25519":
      // That would take whole messages, which the tool hands over in pieces and tokens do not put together.
      throw new OciError("UNSUPPORTED", "Keys of tokens are ECDSA or RSA here, this one is Ed25519");
    case "ecdsa-p256-sha256":
      return { kind: "ecdsa", hash: "sha256", form: "der" };
    case "ecdsa-p384-sha384":
      return { kind: "ecdsa", hash: "sha384", form: "der" };
    case "ecdsa-p521-sha512":
      return { kind: "ecdsa", hash: "sha512", form: "der" };
  }
}
