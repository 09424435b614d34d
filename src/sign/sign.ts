import { OciError } from "../error/oci-error.ts";
import { algorithmOf, type Digest, encodedOf } from "../spec/digest.ts";
import type { Annotations } from "../spec/descriptor.ts";
import type { JsonValue } from "../spec/json.ts";
import { encodeBase64 } from "./base64.ts";
import { type Deposit, planned, type SignatureStorage, type StoredSignature } from "./deposit.ts";
import { type DsseEnvelope, encodeDsse, preAuthEncoding } from "./dsse.ts";
import { SignatureAnnotation, SignatureMedia } from "./media.ts";
import { pieceOf } from "./place.ts";
import { sealBundle } from "./seal.ts";
import { type SignedSubject, signEach, type SigningRun, type SignSubject } from "./sign-each.ts";
import type { Signer } from "./signer.ts";
import { encodeSimplePayload } from "./simple-payload.ts";
import { encodeStatement, SIGN_PREDICATE, type StatementSubject } from "./statement.ts";
import type { LayerSuffix } from "./store-layer.ts";

export interface StoreOptions extends SigningRun {
  readonly signer: Signer;
  /** "referrer" when absent. */
  readonly storage?: SignatureStorage;
  /** When the referrer says that it was made; now, when absent. */
  readonly createdAt?: Date;
}

export interface SignManifestsOptions extends StoreOptions {
  /** Claims that are signed with the digest: `-a key=value`. */
  readonly annotations?: Annotations;
}

export interface AttestManifestsOptions extends StoreOptions {
  /** A URI, as {@link predicateTypeOf} gives it. */
  readonly predicateType: string;
  readonly predicate: JsonValue;
}

/** One thing to sign for one subject, in the form of each storage. */
interface Draft {
  readonly suffix: LayerSuffix;
  readonly predicateType: string;
  /** An in-toto statement. */
  statement(): Uint8Array;
  /** cosign 2's payload; absent where that is the statement as well. */
  payload?(): Uint8Array;
}

/**
 * Signs manifests by their digests, many in one go, and hangs the signatures on them. Nothing that
 * hangs there already is replaced. Each subject once, however often it is given.
 * @returns one for each distinct subject, in the order given
 * @throws OciError as the signer and the targets; what was signed by then is kept and listed
 */
export async function signManifests(options: SignManifestsOptions): Promise<readonly SignedSubject[]> {
  const { annotations = {} } = options;
  return store(options, ({ descriptor: { digest }, reference = "" }) => ({
    suffix: ".sig",
    predicateType: SIGN_PREDICATE,
    payload: () => encodeSimplePayload({ reference, digest, annotations }),
    statement: () =>
      encodeStatement({
        type: "https://in-toto.io/Statement/v1",
        subject: [{ digest: digestSet(digest), ...(Object.keys(annotations).length === 0 ? {} : { annotations }) }],
        predicateType: SIGN_PREDICATE,
        predicate: {},
      }),
  }));
}

/**
 * Attests something of manifests: signs an in-toto statement for each, and hangs it on it.
 * @returns one for each distinct subject, in the order given
 * @throws OciError as {@link signManifests}
 */
export async function attestManifests(options: AttestManifestsOptions): Promise<readonly SignedSubject[]> {
  const { predicateType, predicate } = options;
  return store(options, ({ descriptor: { digest }, reference }) => {
    const subject: StatementSubject = {
      ...(reference === undefined ? {} : { name: reference }),
      digest: digestSet(digest),
    };
    return {
      suffix: ".att",
      predicateType,
      statement: () =>
        encodeStatement({
          type: "https://in-toto.io/Statement/v0.1",
          subject: [subject],
          predicateType,
          predicate,
        }),
    };
  });
}

function digestSet(digest: Digest): Readonly<Record<string, string>> {
  return { [algorithmOf(digest)]: encodedOf(digest) };
}

async function store(
  options: StoreOptions,
  draftFor: (subject: SignSubject) => Draft,
): Promise<readonly SignedSubject[]> {
  const { storage = "referrer" } = options;
  return signEach(options, {
    planned: (subject) => planned(storage, subject.descriptor, draftFor(subject).suffix),
    store: (deposit, subject) => storeOne(deposit, subject, draftFor(subject), options),
  });
}

async function storeOne(
  deposit: Deposit,
  { target, descriptor }: SignSubject,
  draft: Draft,
  { signer, signal, storage = "referrer", createdAt }: StoreOptions,
): Promise<StoredSignature> {
  const options = signal ? { signal } : {};
  if (storage === "tag" && draft.payload) {
    const payload = draft.payload();
    refuseWitness(signer);
    const signature = await signer.sign(payload, options);
    return deposit.layer(target, {
      subject: descriptor,
      suffix: draft.suffix,
      content: pieceOf(payload, SignatureMedia.SimpleSigning),
      annotations: { [SignatureAnnotation.Signature]: encodeBase64(signature.bytes) },
    });
  }
  const payload = draft.statement();
  const signature = await signer.sign(preAuthEncoding(SignatureMedia.InToto, payload), options);
  const envelope: DsseEnvelope = {
    payloadType: SignatureMedia.InToto,
    payload,
    signatures: [{ bytes: signature.bytes, ...(storage === "tag" ? { keyId: "" } : {}) }],
  };
  if (storage === "tag") {
    refuseWitness(signer);
    return deposit.layer(target, {
      subject: descriptor,
      suffix: draft.suffix,
      content: pieceOf(encodeDsse(envelope), SignatureMedia.Dsse),
      annotations: {
        [SignatureAnnotation.Signature]: "",
        [SignatureAnnotation.PredicateType]: draft.predicateType,
      },
    });
  }
  return deposit.bundle(target, {
    subject: descriptor,
    bundle: await sealBundle({ kind: "dsse", envelope }, signature, signer, options),
    content: "dsse-envelope",
    predicateType: draft.predicateType,
    createdAt: createdAt ?? new Date(),
  });
}

/** Tags have no place for what witnesses say. */
function refuseWitness({ witness, description }: Signer): void {
  if (!witness) return;
  throw new OciError("UNSUPPORTED", `What ${description} signs cannot be stored under cosign 2's tags`, {
    hint: "Store it as a referrer",
  });
}
