import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from "node:crypto";
import { OciError } from "../error/oci-error.ts";
import type { Signal } from "../store/content.ts";
import type { BundleContent, VerificationMaterial } from "./bundle.ts";
import { type IdentityToken, parseIdentityToken, type TokenSource } from "./identity-token.ts";
import type { Signature, Signer } from "./signer.ts";
import { PUBLIC_SERVICES, type SigningServices } from "./signing-services.ts";
import { untilAborted } from "./until-aborted.ts";

export interface KeylessSignerOptions {
  readonly token: TokenSource;
  /** {@link PUBLIC_SERVICES} when absent: everybody can read there for ever who signed what. */
  readonly services?: SigningServices;
}

/** Signs as somebody, with a key that nobody keeps. */
export interface KeylessSigner extends Signer {
  readonly subject: string;
  readonly issuer: string;
}

/** A key of the moment and what says whose it is. */
interface Credential {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

const TIMEOUT_MS = 20_000;
const RETRIES = 2;

/**
 * A signer by an OpenID identity: makes a key, has the certificate authority say for some minutes whose it is, and
 * has logs and clocks witness each signature. One certificate serves all that is signed in the first half of its time.
 * @throws OciError USAGE for a token that cannot be used, or without anybody to witness; what the token's source throws
 */
export async function createKeylessSigner(
  { token, services = PUBLIC_SERVICES }: KeylessSignerOptions,
  options: Signal = {},
): Promise<KeylessSigner> {
  if (services.logs.length + services.timestamps.length === 0) {
    throw new OciError("USAGE", "Expected a transparency log or a timestamp authority: without one nothing verifies");
  }
  let first: IdentityToken | undefined = parseIdentityToken(await token(options));
  const { subject, issuer } = first;
  const renew = async (bytes: Uint8Array, wait: Signal): Promise<Credential> => {
    const identity = first ?? parseIdentityToken(await token(wait));
    first = undefined;
    return certify(identity, services.authority, bytes, wait);
  };
  let current: Credential | undefined;
  const credential = async (bytes: Uint8Array, wait: Signal): Promise<Credential> => {
    if (current && isFresh(current)) return current;
    current = await renew(bytes, wait);
    return current;
  };
  // One at a time: whoever comes while a certificate is on its way takes that one.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    description: `${subject} (${issuer})`,
    subject,
    issuer,
    async sign(bytes: Uint8Array, wait: Signal = {}): Promise<Signature> {
      const mine = turn.then(() => credential(bytes, wait));
      turn = mine.catch(() => undefined);
      const { key, certificate } = await untilAborted(mine, wait);
      return {
        bytes: sign("sha256", bytes, key),
        algorithm: "ecdsa-p256-sha256",
        certificates: [certificate.raw],
      };
    },
    async witness(content: BundleContent, signature: Signature, wait: Signal = {}): Promise<VerificationMaterial> {
      const { testimony } = await import("./testimony.ts");
      return testimony(content, signature, { services, timeout: TIMEOUT_MS, retries: RETRIES, ...wait });
    },
  };
}

function isFresh({ certificate: { validFromDate, validToDate } }: Credential): boolean {
  return Date.now() < (validFromDate.getTime() + validToDate.getTime()) / 2;
}

/** Has the authority certify a new key; the library wants something to sign with it at once. */
async function certify(
  { token, subject }: IdentityToken,
  authority: string,
  bytes: Uint8Array,
  wait: Signal,
): Promise<Credential> {
  const { FulcioSigner } = await import("@sigstore/sign");
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = publicKey.export({ format: "pem", type: "spki" }).toString();
  const fulcio = new FulcioSigner({
    fulcioBaseURL: authority,
    identityProvider: { getToken: async () => token },
    keyHolder: {
      sign: async (data) => ({
        signature: sign("sha256", data, privateKey),
        key: { $case: "publicKey", publicKey: pem },
      }),
    },
    timeout: TIMEOUT_MS,
    retry: RETRIES,
  });
  let key: Awaited<ReturnType<typeof fulcio.sign>>["key"];
  try {
    ({ key } = await untilAborted(fulcio.sign(Buffer.from(bytes)), wait));
  } catch (error) {
    wait.signal?.throwIfAborted();
    throw refusal(error, authority, subject, token);
  }
  const certificate = key.$case === "x509Certificate" ? readIssued(key.certificate) : undefined;
  if (certificate?.publicKey.equals(publicKey) === true) return { key: privateKey, certificate };
  throw new OciError("PROTOCOL", `${authority} answered without a certificate of the key that it was asked for`);
}

function readIssued(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** What went wrong, without the token: the library and the other side may repeat it. */
function refusal(error: unknown, authority: string, subject: string, token: string): OciError {
  const cause = error instanceof Error ? error.cause : undefined;
  const status = cause instanceof Error && "statusCode" in cause ? Number(cause.statusCode) : undefined;
  const told = cause instanceof Error ? cause.message.replaceAll(token, "…").slice(0, 300) : "no answer";
  if (status !== undefined && status >= 400 && status < 500) {
    return new OciError("UNAUTHORIZED", `${authority} gives ${subject} no certificate: ${told}`, {
      hint: "The token may have expired, be for another audience, or of a provider that it does not know",
    });
  }
  return new OciError("NETWORK", `${authority} could not be asked for a certificate: ${told}`);
}
