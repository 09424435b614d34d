import { OciError } from "../error/oci-error.ts";
import type { Signer, Verifier } from "../sign/signer.ts";
import type { Context } from "./context.ts";
import { type IdentityValues, openIdentityVerifier } from "./identity-options.ts";
import { openSigner, openVerifiers } from "./key-reference.ts";
import type { NotationTrustValues } from "./notation-options.ts";
import type { NotationTrust } from "./notation-trust.ts";
import { keylessGiven, type KeylessValues, openKeylessSigner } from "./keyless-options.ts";

/** Whoever signs, and what a report says of that. */
export interface OpenedSigner {
  readonly signer: Signer;
  readonly facts: Readonly<Record<string, string>>;
}

/** The signer that a command line asks for: a key, or an identity. @throws OciError USAGE, and what opening it throws */
export async function openSignerOf(
  options: KeylessValues & { readonly key: string | undefined },
  context: Context,
): Promise<OpenedSigner> {
  const [given] = keylessGiven(options);
  if (options.key !== undefined) {
    if (given !== undefined) throw new OciError("USAGE", `Expected either --key or ${given}, got both`);
    const signer = await openSigner(options.key, context);
    return { signer, facts: { keyId: signer.keyId } };
  }
  if (!options.keyless && options.identityToken === undefined) {
    throw new OciError("USAGE", `Expected --key, or --keyless${given === undefined ? "" : ` with ${given}`}`, {
      hint: "Make a key pair with: berth key generate; or sign as whom an OpenID token names with --keyless",
    });
  }
  const signer = await openKeylessSigner(options, context);
  return { signer, facts: { identity: signer.subject, issuer: signer.issuer } };
}

type VerifierValues = IdentityValues & { readonly key: readonly string[] };

/**
 * The verifiers that a command line asks for: keys, identities, or both; any of them may vouch.
 * @throws OciError USAGE where there is none, FILE_INVALID
 */
export async function openVerifiersOf(options: VerifierValues, context: Context): Promise<readonly Verifier[]> {
  const verifiers = await openVerifiersIfAny(options, context);
  // Without a key it says what is missing.
  return verifiers.length > 0 ? verifiers : openVerifiers([], context);
}

/** The same, where none will do as well. @throws OciError USAGE, FILE_INVALID */
export async function openVerifiersIfAny(options: VerifierValues, context: Context): Promise<readonly Verifier[]> {
  const identity = await openIdentityVerifier(options, context);
  const keys = options.key.length === 0 ? [] : await openVerifiers(options.key, context);
  return identity === undefined ? keys : [...keys, identity];
}

/** Whom a command line trusts. */
export interface Trust {
  /** @param repository with its host; undefined where there is none, as in a layout */
  verifiers(repository: string | undefined): readonly Verifier[];
  /** A trust policy of notation tells the number of signers of nobody. */
  readonly bounded: boolean;
  /** The statement that says to verify nothing there, where nobody else is trusted. */
  skips(repository: string | undefined): string | undefined;
}

type TrustValues = VerifierValues & Partial<NotationTrustValues>;

/**
 * Whom a command line trusts: keys, identities, those of notation's trust policy; any of them may vouch.
 * @throws OciError USAGE where there is nobody, FILE_INVALID
 */
export async function openTrust(options: TrustValues, context: Context): Promise<Trust> {
  const trust = await openTrustIfAny(options, context, true);
  // Without a key it says what is missing.
  return trust ?? trustIn(await openVerifiers([], context), undefined);
}

/**
 * The same, where nobody will do as well.
 * @param fallback take notation's own files where nothing else is given
 * @throws OciError USAGE, FILE_INVALID
 */
export async function openTrustIfAny(
  options: TrustValues,
  context: Context,
  fallback = false,
): Promise<Trust | undefined> {
  const verifiers = await openVerifiersIfAny(options, context);
  const notation = await notationOf(options, fallback && verifiers.length === 0, context);
  return verifiers.length === 0 && notation === undefined ? undefined : trustIn(verifiers, notation);
}

async function notationOf(
  options: TrustValues,
  otherwise: boolean,
  context: Context,
): Promise<NotationTrust | undefined> {
  // Attestations are no matter of notation's, and their command has none of its options.
  if (!("trustPolicy" in options)) return undefined;
  const { trustPolicy, trustStore, scope } = options;
  const { openNotationTrust } = await import("./notation-trust.ts");
  return openNotationTrust({ trustPolicy, trustStore, scope }, otherwise, context);
}

function trustIn(verifiers: readonly Verifier[], notation: NotationTrust | undefined): Trust {
  if (!notation) return { verifiers: () => verifiers, bounded: true, skips: () => undefined };
  return {
    verifiers: (repository) => [...verifiers, notation(repository)],
    bounded: false,
    skips(repository) {
      const { statement } = notation(repository);
      return verifiers.length === 0 && statement?.level === "skip" ? statement.name : undefined;
    },
  };
}

/**
 * How many signers there can be at most, as far as that is known beforehand.
 * @throws OciError USAGE for a threshold beyond it
 */
export function requireReachable(threshold: number | undefined, options: VerifierValues): void {
  const { key, certificateIdentity, certificateIdentityRegexp, certificateOidcIssuerRegexp } = options;
  if (certificateIdentityRegexp.length > 0 || certificateOidcIssuerRegexp !== undefined) return;
  const most = key.length + new Set(certificateIdentity).size;
  if (threshold === undefined || threshold <= most) return;
  throw new OciError("USAGE", `A threshold of ${threshold} needs as many keys or identities, got ${most}`);
}
