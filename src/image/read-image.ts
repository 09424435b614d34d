import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type ImageConfig, isImageConfigType, parseImageConfig } from "../spec/image-config.ts";
import { isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { type ImageManifest, type Manifest, parseManifest } from "../spec/manifest.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";

/** A manifest with its whole document, so that an edit keeps what it does not know. */
export interface ManifestDocument {
  readonly manifest: Manifest;
  readonly document: JsonObject;
}

/** @throws OciError MANIFEST_UNKNOWN, MANIFEST_INVALID, LIMIT_EXCEEDED, SIZE_INVALID, DIGEST_INVALID */
export async function readManifest(
  source: Pick<Source, "fetch">,
  descriptor: Descriptor,
  options: Signal = {},
): Promise<ManifestDocument> {
  const bytes = await collect(
    source.fetch(descriptor, { kind: "manifest", ...options }),
    Limits.manifest,
    `manifest ${descriptor.digest}`,
  );
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.form === "opaque") return { manifest, document: {} };
  const document = parseJson(bytes, "manifest");
  return { manifest, document: isJsonObject(document) ? document : {} };
}

/** The configuration of an image; undefined where a manifest carries something else than an image. */
export async function readConfig(
  source: Pick<Source, "fetch">,
  manifest: ImageManifest,
  options: Signal = {},
): Promise<ImageConfig | undefined> {
  if (!isImageConfigType(manifest.config.mediaType)) return undefined;
  if (manifest.config.size > Limits.config) {
    throw new OciError(
      "LIMIT_EXCEEDED",
      `The image configuration ${manifest.config.digest} has ${manifest.config.size} bytes, the limit is ${Limits.config}`,
      { digest: manifest.config.digest },
    );
  }
  const content = source.fetch(manifest.config, { kind: "blob", ...options });
  const config = parseImageConfig(await collect(content, Limits.config, `config ${manifest.config.digest}`));
  if (config.diffIds.length !== manifest.layers.length) {
    throw new OciError(
      "MANIFEST_INVALID",
      `The image has ${manifest.layers.length} layers, but its configuration lists ${config.diffIds.length} DiffIDs`,
    );
  }
  return config;
}
