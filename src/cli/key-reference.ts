import type { KeyObject } from "node:crypto";
import { OciError } from "../error/oci-error.ts";
import type { KeySigner } from "../sign/key.ts";
import type { Verifier } from "../sign/signer.ts";
import { Limits } from "../spec/limits.ts";
import type { Context } from "./context.ts";
import { readInput } from "./input.ts";
import { list, type Option, text } from "./option.ts";

const ENVIRONMENT = "env://";
const TOKEN = "pkcs11:";

/** The private key to sign with. */
export const signingKey: Option<string | undefined> = text(
  "-k, --key <key>",
  "the private key: a file, env://NAME, or pkcs11:token=…;object=… of a token (this or --keyless is required)",
  "file",
);

/** The public keys to verify with. */
export const verifyingKeys: Option<readonly string[]> = list(
  "-k, --key <key>",
  "a public key that is trusted: a file, env://NAME, or pkcs11:… of a token (may be repeated: any of them)",
);

/** The text of a key, from a file or the environment. @throws OciError USAGE, LIMIT_EXCEEDED and what reading throws */
async function readKey(reference: string, context: Context): Promise<Uint8Array> {
  const scheme = /^[a-z0-9]+:\/\//.exec(reference)?.[0];
  if (scheme !== undefined && scheme !== ENVIRONMENT) {
    throw new OciError("UNSUPPORTED", `Keys at ${scheme} are not supported: expected a file or ${ENVIRONMENT}NAME`);
  }
  if (scheme === undefined) return readInput(reference, Limits.key, "key", context);
  const name = reference.slice(ENVIRONMENT.length);
  const value = context.env[name];
  if (value !== undefined && value !== "") return Buffer.from(value);
  throw new OciError("USAGE", `Expected a key in the environment variable ${name}, it is not set`);
}

/** A private key; its password is asked for only where it has one. @throws OciError FILE_INVALID, USAGE */
export async function readPrivateKey(reference: string, context: Context): Promise<KeyObject> {
  if (reference.startsWith(TOKEN)) {
    throw new OciError("UNSUPPORTED", "A key of a token never leaves it: expected a key in a file or the environment", {
      hint: "With --key it signs as cosign does; as notation does, with --plugin pkcs11 --key-id URI",
    });
  }
  const { parsePrivateKey } = await import("../sign/key-file.ts");
  const bytes = await readKey(reference, context);
  const askForPassword = async (): Promise<string> => {
    const { readPassword } = await import("./password.ts");
    return readPassword(context);
  };
  return parsePrivateKey(bytes, askForPassword, `key ${reference}`);
}

/** A key that stays in its token. */
async function openToken(reference: string, context: Context): Promise<KeySigner> {
  const { openTokenSigner } = await import("../sign/pkcs11/token-signer.ts");
  return openTokenSigner(reference, { env: context.env, signal: context.signal });
}

/** @throws OciError USAGE where there is no key, FILE_INVALID; of a token DENIED, UNSUPPORTED, IO */
export async function openSigner(reference: string | undefined, context: Context): Promise<KeySigner> {
  if (reference === undefined) {
    throw new OciError("USAGE", "Expected --key", { hint: "Make a key pair with: berth key generate" });
  }
  if (reference.startsWith(TOKEN)) return openToken(reference, context);
  const { createKeySigner } = await import("../sign/key.ts");
  return createKeySigner(await readPrivateKey(reference, context), reference);
}

/**
 * @param labels what messages call them instead of where they lie
 * @throws OciError USAGE where there is no key, FILE_INVALID
 */
export async function openVerifiers(
  references: readonly string[],
  context: Context,
  labels: readonly string[] = references,
): Promise<readonly Verifier[]> {
  if (references.length === 0) {
    throw new OciError("USAGE", "Expected --key, or --certificate-identity with --certificate-oidc-issuer", {
      hint: "For example: --key cosign.pub",
    });
  }
  const [{ parsePublicKey }, { createKeyVerifier }] = await Promise.all([
    import("../sign/key-file.ts"),
    import("../sign/key.ts"),
  ]);
  const verifiers: Verifier[] = [];
  for (const [at, reference] of references.entries()) {
    const key = reference.startsWith(TOKEN)
      ? (await openToken(reference, context)).publicKey
      : parsePublicKey(await readKey(reference, context), `key ${reference}`);
    verifiers.push(createKeyVerifier(key, labels[at] ?? reference));
  }
  return verifiers;
}

/** A key pair's owner, by either of its keys: only with the private one can they sign. */
export interface KeyOwner {
  readonly verifier: Verifier;
  readonly signer?: KeySigner;
}

/** @throws OciError FILE_INVALID, USAGE */
export async function openEitherKey(reference: string, context: Context): Promise<KeyOwner> {
  const { createKeySigner, createKeyVerifier } = await import("../sign/key.ts");
  const owner = (signer: KeySigner): KeyOwner => ({ verifier: createKeyVerifier(signer.publicKey, reference), signer });
  if (reference.startsWith(TOKEN)) return owner(await openToken(reference, context));
  const bytes = await readKey(reference, context);
  const { parsePrivateKey, parsePublicKey } = await import("../sign/key-file.ts");
  if (!Buffer.from(bytes).includes("PRIVATE KEY-----")) {
    return { verifier: createKeyVerifier(parsePublicKey(bytes, `key ${reference}`), reference) };
  }
  const { readPassword } = await import("./password.ts");
  return owner(
    createKeySigner(await parsePrivateKey(bytes, () => readPassword(context), `key ${reference}`), reference),
  );
}
