import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isIndexType } from "../spec/media-type.ts";
import type { Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { type Base, readBase } from "./base.ts";
import { chooseImage, type ChosenImage } from "./choose-image.ts";
import { namedBase } from "./rebase.ts";
import { readManifest } from "./read-image.ts";

export interface CheckBaseOptions extends Signal {
  readonly source: Source;
  readonly descriptor: Descriptor;
  readonly platform?: Platform;
  /** The one to take of several where none was asked for. */
  readonly otherwise?: Platform;
  /** Name of the base; that of the annotations by default. */
  readonly name?: string;
  /** What the base was; that of the annotations by default. */
  readonly digest?: Digest;
  /** Opens a base as it is now. */
  readonly open: (name: string) => Promise<Base>;
}

export interface BaseCheck {
  readonly base: string;
  /** What the base was, where that is known. */
  readonly was?: Digest;
  readonly now: Digest;
  readonly current: boolean;
  /** What was compared. */
  readonly compared: "digest" | "layers";
}

async function annotationsOf(options: CheckBaseOptions, waiting: Signal): Promise<Annotations> {
  const { source, descriptor } = options;
  const { manifest } = await readManifest(source, descriptor, waiting);
  const own = manifest.annotations ?? {};
  if (own[Annotation.BaseName] !== undefined || !isIndexType(descriptor.mediaType)) return own;
  return (await chooseImage(source, descriptor, options)).manifest.annotations ?? {};
}

/** Builders note the digest of the index, or that of the image in it that they took. */
async function isOrHolds(base: Base, was: Digest, waiting: Signal): Promise<boolean> {
  if (base.descriptor.digest === was) return true;
  if (!isIndexType(base.descriptor.mediaType)) return false;
  const { manifest } = await readManifest(base.source, base.descriptor, waiting);
  return manifest.form === "index" && manifest.manifests.some(({ digest }) => digest === was);
}

async function isBelow(base: Base, image: ChosenImage, waiting: Signal): Promise<boolean> {
  const { diffIds } = (await readBase(base, image.config?.platform, waiting)).config;
  return diffIds.every((diffId, at) => image.config?.diffIds[at] === diffId);
}

/**
 * Tells whether an image is built on what the tag of its base points at now: by the digest that it
 * was built on, or where nobody noted that, by its lowest layers.
 * @throws OciError USAGE where neither annotations nor options name a base, and what opening it throws
 */
export async function checkBase(options: CheckBaseOptions): Promise<BaseCheck> {
  const waiting: Signal = options.signal ? { signal: options.signal } : {};
  const noted = options.name === undefined ? namedBase(await annotationsOf(options, waiting)) : { name: options.name };
  const was = options.digest ?? noted.digest;
  const base = await options.open(noted.name);
  const now = base.descriptor.digest;
  if (was !== undefined) {
    const current = await isOrHolds(base, was, waiting);
    return { base: noted.name, was, now, current, compared: "digest" };
  }
  const image = await chooseImage(options.source, options.descriptor, options);
  return { base: noted.name, now, current: await isBelow(base, image, waiting), compared: "layers" };
}
