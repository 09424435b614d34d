import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { ImageConfig } from "../spec/image-config.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import type { ImageManifest } from "../spec/manifest.ts";
import { matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source, Store } from "../store/store.ts";
import { type AnnotationChange, refuseDockerAnnotations, setOrRemove } from "./annotation-change.ts";
import { changeConfig, type ConfigChange } from "./config-change.ts";
import { arrayField, objectField, sameJson, toJson, withFields, withObjectField } from "./json-edit.ts";
import type { NodeChange } from "./node-change.ts";
import { readConfig } from "./read-image.ts";
import { clampAnnotations, clampConfig, type ClampedLayer, clampLayer } from "./time-clamp.ts";
import type { ImageWriter } from "./writer.ts";

export interface ManifestEditorOptions extends Signal {
  readonly source: Source;
  readonly target: Store;
  readonly writer: ImageWriter;
  readonly platforms?: readonly Platform[];
  readonly config?: ConfigChange;
  readonly annotations?: AnnotationChange;
  readonly timeMax?: Date;
  /** Gets what was replaced. */
  readonly changes: NodeChange[];
}

/** A manifest that was read. */
export interface ManifestRead {
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly document: JsonObject;
}

/** Edits single images: layers first, then the configuration, then the manifest's document. */
export class ManifestEditor {
  readonly #options: ManifestEditorOptions;
  readonly #signal: Signal;
  /** Platforms share layers; each is looked at once. */
  readonly #layers = new Map<Digest, ClampedLayer>();

  constructor(options: ManifestEditorOptions) {
    this.#options = options;
    this.#signal = options.signal ? { signal: options.signal } : {};
  }

  /**
   * The document of the changed manifest, its config and layers written; undefined where
   * this one is not to be changed.
   * @throws OciError UNSUPPORTED
   */
  async edit(read: ManifestRead, root: boolean, met: Set<Platform>): Promise<JsonObject | undefined> {
    const { source, platforms, annotations, timeMax } = this.#options;
    const config = await readConfig(source, read.manifest, this.#signal);
    if (!config && !root) return undefined;
    const wanted = platforms?.find((platform) => config && matchesPlatform(config.platform, platform));
    if (root && platforms && !wanted) return undefined;
    if (wanted) met.add(wanted);
    refuseDockerAnnotations(read.manifest.mediaType, annotations?.manifest);
    const edited = config ? await this.#image(read, config) : this.#artifact(read);
    const annotated = withObjectField(edited, "annotations", setOrRemove(annotations?.manifest));
    const document = timeMax ? clampAnnotations(annotated, timeMax) : annotated;
    if (sameJson(document, read.document)) return undefined;
    await this.#carry(read.manifest, document);
    return document;
  }

  #artifact({ descriptor, manifest, document }: ManifestRead): JsonObject {
    const { config, timeMax } = this.#options;
    if (timeMax === undefined && sameJson(changeConfig({}, config ?? {}), {})) return document;
    throw new OciError(
      "UNSUPPORTED",
      `${descriptor.digest} is an artifact with a config of type ${manifest.config.mediaType}, so only its annotations can be changed`,
      { digest: descriptor.digest },
    );
  }

  async #image({ manifest, document }: ManifestRead, config: ImageConfig): Promise<JsonObject> {
    const { config: change, timeMax, writer, changes } = this.#options;
    const changed = change ? changeConfig(config.document, change) : config.document;
    let configDocument = timeMax ? clampConfig(changed, timeMax) : changed;
    let layers: readonly JsonValue[] = arrayField(document, "layers");
    if (timeMax) {
      const clamped = await this.#clamp(manifest, config, timeMax);
      layers = layers.map((layer, index) => {
        const now = clamped[index]?.descriptor;
        return now && isJsonObject(layer) && now.digest !== layer["digest"] ? replaced(layer, now) : layer;
      });
      const rootfs = objectField(configDocument, "rootfs");
      configDocument = withFields(configDocument, {
        rootfs: withFields(rootfs, { diff_ids: clamped.map(({ diffId }) => diffId) }),
      });
    }
    if (sameJson(configDocument, config.document)) return withFields(document, { layers });
    const written = await writer.json(configDocument, manifest.config.mediaType);
    changes.push({ role: "config", from: manifest.config, to: written });
    return withFields(document, { config: replaced(objectField(document, "config"), written), layers });
  }

  async #clamp(manifest: ImageManifest, config: ImageConfig, max: Date): Promise<ClampedLayer[]> {
    const { source, writer, changes } = this.#options;
    const clamped: ClampedLayer[] = [];
    for (const [index, descriptor] of manifest.layers.entries()) {
      // As many as layers: checked when the configuration was read.
      const diffId = config.diffIds[index] ?? descriptor.digest;
      const known = this.#layers.get(descriptor.digest);
      const layer = known ?? (await clampLayer({ descriptor, diffId }, max, { source, writer, ...this.#signal }));
      if (!known && layer.descriptor.digest !== descriptor.digest) {
        changes.push({ role: "layer", from: descriptor, to: layer.descriptor });
      }
      this.#layers.set(descriptor.digest, layer);
      clamped.push(layer);
    }
    return clamped;
  }

  /** Brings over what the changed manifest still shares with the old one. */
  async #carry(manifest: ImageManifest, document: JsonObject): Promise<void> {
    const { source, target, writer } = this.#options;
    if (sameJson(source.location, target.location)) return;
    const used = JSON.stringify(document);
    for (const blob of [manifest.config, ...manifest.layers]) {
      if (used.includes(blob.digest)) await writer.carry(blob, source);
    }
  }
}

/** A descriptor that points at other content; what it says beside that stays, inlined content and old addresses go. */
function replaced(object: JsonObject, to: Descriptor): JsonObject {
  return withFields(object, {
    digest: to.digest,
    size: to.size,
    data: undefined,
    urls: undefined,
    annotations: to.annotations === undefined ? object["annotations"] : toJson(to.annotations),
  });
}
