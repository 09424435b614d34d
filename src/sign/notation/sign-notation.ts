import { OciError } from "../../error/oci-error.ts";
import { Annotation } from "../../spec/annotation.ts";
import type { Annotations, Descriptor } from "../../spec/descriptor.ts";
import { SignatureMedia } from "../media.ts";
import { pieceOf } from "../place.ts";
import { type SignedSubject, type SigningRun, signEach } from "../sign-each.ts";
import { prepareReferrer, type PreparedReferrer } from "../referrer.ts";
import type { Signal } from "../../store/content.ts";
import { type Certificate, thumbprintOf } from "./certificate.ts";
import { chainProblem, validityProblem } from "./chain.ts";
import { type EnvelopeFormat } from "./envelope.ts";
import { encodePayload, RESERVED_PREFIX } from "./payload.ts";
import { type NotationSignature, readNotation } from "./read-notation.ts";
import { formatTime } from "../../spec/time.ts";

/** What an envelope is to be made of. */
export interface EnvelopeRequest {
  readonly format: EnvelopeFormat;
  readonly payload: Uint8Array;
  readonly signingTime: Date;
  readonly expiry?: Date;
}

/** Makes envelopes: a key with its certificates at hand, or a plug-in. */
export interface EnvelopeSigner {
  /** What a message and a plan call it; never a secret. */
  readonly description: string;
  /** @returns the envelope, and what is to be said beside it in its manifest */
  seal(
    request: EnvelopeRequest,
    options: Signal,
  ): Promise<{ readonly envelope: Uint8Array; readonly annotations?: Annotations }>;
}

export interface NotationSignOptions extends SigningRun {
  readonly signer: EnvelopeSigner;
  /** "jws" when absent. */
  readonly format?: EnvelopeFormat;
  /** Claims that are signed with the digest; notation: `--user-metadata`. */
  readonly annotations?: Annotations;
  /** How long the signature is to count, milliseconds; for ever when absent. */
  readonly expiresIn?: number;
  /** The time of signing; the clock's when absent. */
  readonly now?: () => Date;
}

const THUMBPRINTS = "io.cncf.notary.x509chain.thumbprint#S256";

/**
 * Signs manifests as notation does, and hangs the signatures on them. What a signer gives back is verified
 * before it is stored: it is whole, of that manifest, and its certificates are for signing code and valid now.
 * @throws OciError USAGE, FILE_INVALID for certificates that cannot sign, and what the signer and the targets throw;
 *   what was signed by then is kept and listed
 */
export async function signWithNotation(options: NotationSignOptions): Promise<readonly SignedSubject[]> {
  const { signer, annotations = {}, format = "jws", expiresIn, now = () => new Date(), signal } = options;
  const reserved = Object.keys(annotations).find((key) => key.startsWith(RESERVED_PREFIX));
  if (reserved !== undefined) {
    throw new OciError("USAGE", `Claims cannot begin with ${RESERVED_PREFIX}, got ${reserved}`);
  }
  if (expiresIn !== undefined && expiresIn < 1000) {
    throw new OciError("USAGE", `Expected an expiry of at least a second, got ${expiresIn} ms`);
  }
  const kind = format === "jws" ? "notation-jws" : "notation-cose";
  return signEach(options, {
    planned: () => ({ kind, existed: false }),
    async store(deposit, { target, descriptor }) {
      const signingTime = new Date(Math.floor(now().getTime() / 1000) * 1000);
      const made = await signer.seal(
        {
          format,
          payload: encodePayload(descriptor, annotations),
          signingTime,
          ...(expiresIn === undefined ? {} : { expiry: new Date(signingTime.getTime() + expiresIn) }),
        },
        signal ? { signal } : {},
      );
      const signature = check(made.envelope, { format, descriptor, annotations, time: now(), signer });
      const prepared = prepare(descriptor, made, signature);
      await deposit.referrer(target, prepared);
      const { manifest, layer } = prepared;
      return { kind, manifest: manifest.descriptor, layer: layer.descriptor, existed: false };
    },
  });
}

interface Expected {
  readonly format: EnvelopeFormat;
  readonly descriptor: Descriptor;
  readonly annotations: Annotations;
  readonly time: Date;
  readonly signer: EnvelopeSigner;
}

function check(envelope: Uint8Array, { format, descriptor, annotations, time, signer }: Expected): NotationSignature {
  const signature = readNotation(envelope, format, descriptor);
  const problem = signingProblem(signature.chain, time);
  if (problem !== undefined) throw new OciError("FILE_INVALID", `Cannot sign with ${signer.description}: ${problem}`);
  const signed = signature.artifact.annotations;
  const changed = Object.entries(annotations).find(([key, value]) => signed[key] !== value);
  if (changed) throw new OciError("FILE_INVALID", `${signer.description} did not sign the claim ${changed[0]}`);
  return signature;
}

/** Why certificates cannot sign now; undefined: they can. */
export function signingProblem(chain: readonly Certificate[], time: Date): string | undefined {
  return chainProblem(chain, "code-signing") ?? validityProblem(chain, time);
}

/**
 * The artifact that notation stores a signature in (signature-specification.md, "OCI Signatures"): of the two forms
 * the one that tells its type by the configuration, which notation writes, and alone finds in layouts.
 */
function prepare(
  descriptor: Descriptor,
  { envelope, annotations: extra = {} }: { readonly envelope: Uint8Array; readonly annotations?: Annotations },
  signature: NotationSignature,
): PreparedReferrer {
  const { format, signingTime } = signature.envelope;
  return prepareReferrer({
    subject: descriptor,
    artifactType: SignatureMedia.Notation,
    typeInConfig: true,
    layer: pieceOf(envelope, format === "jws" ? SignatureMedia.Jws : SignatureMedia.Cose),
    annotations: {
      ...extra,
      [THUMBPRINTS]: JSON.stringify(signature.chain.map(({ raw }) => thumbprintOf(raw))),
      [Annotation.Created]: formatTime(signingTime),
    },
  });
}
