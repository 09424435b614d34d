import { isOciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type ImageManifest, type Manifest, parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import { digestTagSubject } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { Referrer } from "../store/names.ts";
import type { Source } from "../store/store.ts";
import { Budget, type SignatureLimits } from "./budget.ts";
import type { FoundSignature, SignatureKind } from "./found-signature.ts";
import { isBundleType, SignatureMedia } from "./media.ts";

export interface ListSignaturesOptions extends Signal {
  readonly source: Pick<Source, "fetch" | "referrers">;
  /** Resolved. */
  readonly subject: Descriptor;
  readonly limits?: SignatureLimits;
  /** Shared with whoever reads on; made of `limits` when absent. */
  readonly budget?: Budget;
}

/** What a referrer is, as far as its listing tells; undefined: its manifest has to. */
type Listed = "signature" | "other" | undefined;

const TAG_KINDS: Readonly<Record<string, SignatureKind>> = {
  ".sig": "cosign-simple",
  ".att": "cosign-attestation",
};
const KINDS: Readonly<Record<string, SignatureKind>> = {
  [SignatureMedia.SimpleSigning]: "cosign-simple",
  [SignatureMedia.Dsse]: "cosign-attestation",
  [SignatureMedia.Jws]: "notation-jws",
  [SignatureMedia.Cose]: "notation-cose",
};
const ARTIFACT_TYPES: readonly string[] = [
  SignatureMedia.CosignSignature,
  SignatureMedia.CosignAttestation,
  SignatureMedia.Notation,
];

function isSignatureType(artifactType: string): boolean {
  return isBundleType(artifactType) || ARTIFACT_TYPES.includes(artifactType);
}

/**
 * Lists every signature and attestation on a subject, whatever tool made it, without judging it: referrers
 * of any kind and cosign's digest tags. A registry's failure is thrown, never taken for an empty list.
 * @throws OciError LIMIT_EXCEEDED, and what the source throws
 */
export async function listSignatures(options: ListSignaturesOptions): Promise<readonly FoundSignature[]> {
  const { source, subject, signal } = options;
  const waits = signal ? { signal } : {};
  const budget = options.budget ?? new Budget(subject, options.limits);
  const found: FoundSignature[] = [];
  for await (const referrer of source.referrers(subject, waits)) {
    signal?.throwIfAborted();
    if (listedAs(referrer) === "other") continue;
    budget.count();
    const entries = await look(referrer, options, budget);
    // The first one is counted already.
    for (const _ of entries.slice(1)) budget.count();
    found.push(...entries);
  }
  return found;
}

function listedAs({ descriptor, via, tag }: Referrer): Listed {
  if (via === "digest-tag") {
    const suffix = suffixOf(tag);
    return suffix !== undefined && Object.hasOwn(TAG_KINDS, suffix) ? "signature" : "other";
  }
  // A listing may leave the type out, or name the empty configuration's, as cosign 2 does: then it says nothing.
  if (descriptor.artifactType === undefined || descriptor.artifactType === MediaType.Empty) return undefined;
  return isSignatureType(descriptor.artifactType) ? "signature" : "other";
}

function suffixOf(tag: string | undefined): string | undefined {
  return tag?.slice(tag.indexOf("."));
}

async function look(
  referrer: Referrer,
  { source, subject, signal }: ListSignaturesOptions,
  budget: Budget,
): Promise<readonly FoundSignature[]> {
  const { descriptor, via, tag } = referrer;
  const place = { manifest: bare(descriptor), via, ...(tag === undefined ? {} : { tag }) };
  const broken = (problem: string): readonly FoundSignature[] =>
    listedAs(referrer) === undefined
      ? []
      : [{ kind: "unknown", mediaType: descriptor.mediaType, annotations: {}, ...place, problem }];
  let manifest: Manifest;
  try {
    const bytes = await budget.read(source, descriptor, "manifest", signal ? { signal } : {});
    manifest = parseManifest(bytes, descriptor.mediaType);
  } catch (error) {
    // Listed and not there, or not to be read: nothing that could count. Any other failure may hide one that does.
    if (isOciError(error, "MANIFEST_UNKNOWN", "BLOB_UNKNOWN")) return broken("it is listed, but not there");
    if (isOciError(error, "MANIFEST_INVALID", "DIGEST_INVALID", "SIZE_INVALID")) return broken(error.message);
    throw error;
  }
  const artifactType = manifest.artifactType ?? (manifest.form === "image" ? manifest.config.mediaType : undefined);
  const tagKind = TAG_KINDS[suffixOf(tag) ?? ""];
  if (tagKind === undefined && (artifactType === undefined || !isSignatureType(artifactType))) return [];
  if (manifest.form !== "image") return broken("its manifest is not that of an image or artifact");
  const problem = wrongSubject(manifest, subject, tag);
  const facts = {
    ...place,
    annotations: manifest.annotations ?? {},
    ...(tagKind === undefined && artifactType !== undefined ? { artifactType } : {}),
  };
  return entriesOf(manifest, tagKind, artifactType).map(({ kind, layer, problem: own }) => {
    const reason = problem ?? own;
    return {
      kind,
      mediaType: layer?.mediaType ?? descriptor.mediaType,
      ...(layer === undefined ? {} : { layer }),
      ...facts,
      ...(reason === undefined ? {} : { problem: reason }),
    };
  });
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** A listing may lie about what a manifest hangs on. */
function wrongSubject(manifest: ImageManifest, subject: Descriptor, tag: string | undefined): string | undefined {
  if (tag !== undefined) {
    return digestTagSubject(tag) === subject.digest ? undefined : `the tag ${tag} speaks of another digest`;
  }
  if (manifest.subject?.digest === subject.digest) return undefined;
  return `its manifest hangs on ${manifest.subject?.digest ?? "nothing"}`;
}

interface Entry {
  readonly kind: SignatureKind;
  readonly layer?: Descriptor;
  readonly problem?: string;
}

function entriesOf(
  manifest: ImageManifest,
  tagKind: SignatureKind | undefined,
  artifactType: string | undefined,
): readonly Entry[] {
  const { layers } = manifest;
  if (layers.length === 0) return [{ kind: "unknown", problem: "its manifest has no layer" }];
  const many =
    tagKind !== undefined ||
    artifactType === SignatureMedia.CosignSignature ||
    artifactType === SignatureMedia.CosignAttestation;
  if (!many && layers.length !== 1) {
    return [{ kind: "unknown", problem: `its manifest has ${layers.length} layers, expected 1` }];
  }
  return layers.map((layer) => {
    const bundle = isBundleType(layer.mediaType);
    const kind = bundle ? "sigstore-bundle" : KINDS[layer.mediaType];
    const fits =
      kind !== undefined &&
      (tagKind === undefined || kind === tagKind || bundle) &&
      (artifactType !== SignatureMedia.Notation || kind.startsWith("notation"));
    return fits ? { kind, layer } : { kind: "unknown", layer, problem: `its layer is ${layer.mediaType}` };
  });
}
