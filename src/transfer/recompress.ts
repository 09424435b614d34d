import type { Bytes } from "../bytes/bytes.ts";
import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { parseImageConfig } from "../spec/image-config.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { ImageManifest } from "../spec/manifest.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { withNewBytes } from "../store/document-entry.ts";
import { layerTar } from "../store/layer-tar.ts";
import { layerCompression, layerType, type MediaFamily, typeIn } from "../store/media-family.ts";
import type { Compression } from "../tar/compress.ts";
import type { Overlay } from "./overlay.ts";
import { packLayer, requireDiffId } from "./pack-layer.ts";
import { Semaphore } from "./semaphore.ts";

export interface LayerRecompressionOptions extends Signal {
  readonly source: Source;
  readonly overlay: Overlay;
  readonly compression?: Exclude<Compression, "none">;
}

/** Layers compressed at a time: each keeps a core busy. */
const AT_ONCE = 2;

/** Compresses layers anew, each once however many images share it, and checks them against their DiffIDs. */
export class LayerRecompression {
  readonly #options: LayerRecompressionOptions;
  readonly #signal: Signal;
  readonly #slots = new Semaphore(AT_ONCE);
  readonly #done = new Map<string, Promise<Descriptor>>();

  constructor(options: LayerRecompressionOptions) {
    this.#options = options;
    this.#signal = options.signal ? { signal: options.signal } : {};
  }

  /**
   * The entries of a manifest's layers, those that were compressed otherwise replaced.
   * @throws OciError DIGEST_INVALID, MANIFEST_INVALID, ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
   */
  async all(manifest: ImageManifest, document: JsonObject, family: MediaFamily): Promise<readonly JsonObject[]> {
    const written = Array.isArray(document["layers"]) ? (document["layers"] as readonly JsonValue[]) : [];
    const entries = written.filter(isJsonObject);
    const { compression } = this.#options;
    if (compression === undefined) return entries;
    const stays = manifest.layers.every(({ mediaType }) => !isOther(mediaType, compression));
    if (stays) return entries;
    const diffIds = await this.#diffIds(manifest);
    const results = await Promise.allSettled(
      entries.map(async (entry, at) => {
        const layer = manifest.layers[at];
        const diffId = diffIds[at];
        if (!layer || !diffId || !isOther(layer.mediaType, compression)) return entry;
        return withNewBytes(
          entry,
          await this.#once(layer, diffId, layerType(typeIn(family, layer.mediaType), compression)),
        );
      }),
    );
    return results.map((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  }

  #once(layer: Descriptor, diffId: Digest, mediaType: string): Promise<Descriptor> {
    const key = `${layer.digest} ${mediaType}`;
    const known = this.#done.get(key) ?? this.#recompress(layer, diffId, mediaType);
    this.#done.set(key, known);
    return known;
  }

  async #recompress(layer: Descriptor, diffId: Digest, mediaType: string): Promise<Descriptor> {
    const { source, overlay, compression = "gzip" } = this.#options;
    await this.#slots.acquire();
    try {
      this.#options.signal?.throwIfAborted();
      const write = (bytes: Bytes): Promise<Descriptor> => overlay.blob(bytes, mediaType, this.#signal);
      const made = await packLayer(layerTar(source, layer, this.#signal), compression, write, this.#signal);
      requireDiffId({ descriptor: layer, diffId }, made.diffId);
      return made.descriptor;
    } finally {
      this.#slots.release();
    }
  }

  async #diffIds({ config, layers }: ImageManifest): Promise<readonly Digest[]> {
    const content = this.#options.source.fetch(config, { kind: "blob", ...this.#signal });
    const { diffIds } = parseImageConfig(await collect(content, Limits.config, `config ${config.digest}`));
    if (diffIds.length === layers.length) return diffIds;
    throw new OciError(
      "MANIFEST_INVALID",
      `The image has ${layers.length} layers, but its configuration lists ${diffIds.length} DiffIDs`,
      { digest: config.digest },
    );
  }
}

function isOther(mediaType: string, wanted: Compression): boolean {
  const own = layerCompression(mediaType);
  return own !== undefined && own !== wanted;
}
