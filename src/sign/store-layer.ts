import { collect } from "../bytes/collect.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import { encodeJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import { digestTagSubject, fallbackTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import { type Piece, pieceOf, pushBlob, type SignTarget, sourceOf } from "./place.ts";

/** What cosign 2 keeps under a tag beside a manifest. */
export type LayerSuffix = ".sig" | ".att";

/** One file under a tag that has room for no more. */
export interface OnlyLayer {
  readonly subject: Descriptor;
  readonly suffix: ".sbom";
  readonly content: Piece;
  readonly dryRun: boolean;
}

/** One signature or attestation as cosign 2 stores it: a layer of the manifest under a digest tag. */
export interface SignatureLayer {
  readonly subject: Descriptor;
  readonly suffix: LayerSuffix;
  readonly content: Piece;
  readonly annotations: Annotations;
}

/** Times that somebody else moved the tag meanwhile, before it is given up. */
const TRIES = 10;
const ZERO_TIME = "0001-01-01T00:00:00Z";

/** The tag that cosign 2 looks under. */
export function cosignTag(subject: Descriptor, suffix: LayerSuffix | OnlyLayer["suffix"]): string {
  return `${fallbackTag(subject.digest)}${suffix}`;
}

/** The configuration that cosign 2 gives such a manifest: that of an image of these layers, made at no time. */
function encodeConfig(layers: readonly Descriptor[]): Piece {
  const config = {
    architecture: "",
    created: ZERO_TIME,
    history: layers.map(() => ({ created: ZERO_TIME })),
    os: "",
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    config: {},
  };
  return pieceOf(encodeJson(config), MediaType.ImageConfig);
}

function encodeManifest(
  config: Descriptor,
  layers: readonly Descriptor[],
  annotations: Annotations | undefined,
): Piece {
  return pieceOf(
    encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      config,
      layers,
      ...(annotations === undefined ? {} : { annotations }),
    }),
    MediaType.ImageManifest,
  );
}

function sameLayer(left: Descriptor, right: Descriptor): boolean {
  const [a, b] = [left.annotations ?? {}, right.annotations ?? {}];
  const keys = Object.keys(a);
  return (
    left.digest === right.digest &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  );
}

interface Held {
  readonly descriptor: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Annotations;
}

/** What lies under the tag. */
async function heldUnder(target: SignTarget, tag: string, options: Signal): Promise<Held | undefined> {
  let descriptor: Descriptor;
  try {
    descriptor = await target.resolve({ tag }, options);
  } catch (error) {
    if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return undefined;
    throw error;
  }
  const bytes = await collect(target.fetch(descriptor, options), Limits.manifest, `manifest under ${tag}`);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.form !== "image") {
    throw new OciError("MANIFEST_INVALID", `The tag ${tag} is taken by something else than signatures`, {
      digest: descriptor.digest,
      hint: "Remove that tag, or sign with a bundle",
    });
  }
  const { layers, annotations } = manifest;
  return { descriptor, layers, ...(annotations === undefined ? {} : { annotations }) };
}

/** @throws OciError UNSUPPORTED for digests that a tag truncates */
function requireTag(subject: Descriptor, suffix: LayerSuffix | OnlyLayer["suffix"]): string {
  const tag = cosignTag(subject, suffix);
  if (digestTagSubject(tag) === subject.digest) return tag;
  throw new OciError("UNSUPPORTED", `A tag cannot tell ${subject.digest} from others: it holds 64 digits of it`, {
    digest: subject.digest,
    hint: "Sign with a referrer",
  });
}

/**
 * Adds a signature to those under the subject's digest tag: none that is there is lost, also when others sign
 * at the same time where the other side can compare and swap.
 * @returns the manifest, and whether the very same signature was there already
 * @throws OciError CONFLICT when others win again and again, MANIFEST_INVALID when the tag is not cosign's
 */
export async function appendLayer(
  target: SignTarget,
  { subject, suffix, content, annotations }: SignatureLayer,
  options: Signal,
): Promise<{ readonly manifest: Descriptor; readonly tag: string; readonly existed: boolean }> {
  const tag = requireTag(subject, suffix);
  const layer: Descriptor = { ...content.descriptor, annotations };
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    const held = await heldUnder(target, tag, options);
    if (held?.layers.some((each) => sameLayer(each, layer))) return { manifest: held.descriptor, tag, existed: true };
    const layers = [...(held?.layers ?? []), layer];
    if (layers.length > Limits.signatures) {
      throw new OciError("LIMIT_EXCEEDED", `${tag} has ${Limits.signatures} signatures already`, {
        digest: subject.digest,
      });
    }
    const config = encodeConfig(layers);
    const manifest = encodeManifest(config.descriptor, layers, held?.annotations);
    await pushBlob(target, content, options);
    await pushBlob(target, config, options);
    await target.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest", listed: false, ...options });
    try {
      const expect = held?.descriptor.digest ?? null;
      await target.update([{ tag, to: manifest.descriptor, expect }], options);
      return { manifest: manifest.descriptor, tag, existed: false };
    } catch (error) {
      if (!isOciError(error, "CONFLICT") || attempt >= TRIES) throw error;
    }
  }
}

/**
 * Puts a file under the subject's digest tag, if nothing else is there: what lies there stays.
 * @returns the manifest, absent in a dry run where there is none yet; or that something else is there
 * @throws OciError CONFLICT when somebody else was quicker, UNSUPPORTED, MANIFEST_INVALID when the tag is not cosign's
 */
export async function placeLayer(
  target: SignTarget,
  { subject, suffix, content, dryRun }: OnlyLayer,
  options: Signal,
): Promise<{ readonly manifest?: Descriptor } | "taken"> {
  const tag = requireTag(subject, suffix);
  const held = await heldUnder(target, tag, options);
  const layer = content.descriptor;
  if (held) {
    const same = held.layers.length === 1 && held.layers[0]?.digest === layer.digest;
    return same ? { manifest: held.descriptor } : "taken";
  }
  if (dryRun) return {};
  const config = encodeConfig([layer]);
  const manifest = encodeManifest(config.descriptor, [layer], undefined);
  await pushBlob(target, content, options);
  await pushBlob(target, config, options);
  await target.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest", listed: false, ...options });
  await target.update([{ tag, to: manifest.descriptor, expect: null }], options);
  return { manifest: manifest.descriptor };
}
