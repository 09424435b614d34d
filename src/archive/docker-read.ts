import { posix } from "node:path";
import { Digester, digestOf } from "../bytes/hash.ts";
import type { TarPlace } from "../blobs/tar.ts";
import { readArchiveSpan } from "../blobs/tar-content.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { parseImageConfig } from "../spec/image-config.ts";
import { encodeJson, isJsonObject, type JsonValue, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import { detectCompression } from "../tar/decompress.ts";
import { type ArchiveEntries, type ArchiveEntry, readEntry } from "./entries.ts";

/** An image as a docker archive has it, and the manifest that is made of it. */
export interface SavedImage {
  readonly manifest: Descriptor;
  readonly bytes: Uint8Array;
  /** `repository:tag` each. */
  readonly names: readonly string[];
}

export interface SavedImages {
  readonly images: readonly SavedImage[];
  /** Where configurations and layers lie. */
  readonly places: ReadonlyMap<Digest, TarPlace>;
}

/** Links followed from one name of an archive. */
const MAX_LINKS = 16;

function invalid(entries: ArchiveEntries, problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid docker archive ${JSON.stringify(entries.archive.path)}: ${problem}`);
}

/**
 * Reads manifest.json of what `docker save` wrote and makes a manifest of each image: the same for the same
 * archive, whoever reads it. Layers are plain tars there, so their digests are those of the configuration, which are
 * checked when they are read; compressed ones are hashed.
 * @throws OciError ARCHIVE_INVALID, MANIFEST_INVALID, LIMIT_EXCEEDED
 */
export async function readSavedImages(entries: ArchiveEntries, options: Signal = {}): Promise<SavedImages> {
  const listed = entries.byPath.get("manifest.json");
  if (listed === undefined) throw invalid(entries, "it has no manifest.json");
  const document = parseJson(
    await readEntry(entries, listed, Limits.manifest, options),
    "manifest.json",
    "ARCHIVE_INVALID",
  );
  if (!Array.isArray(document)) throw invalid(entries, "manifest.json must be an array");
  const reading = new Reading(entries, options);
  const images: SavedImage[] = [];
  for (const image of document as readonly JsonValue[]) images.push(await reading.image(image));
  return { images, places: reading.places };
}

/** What is kept of a configuration. */
interface SavedConfig {
  readonly digest: Digest;
  readonly diffIds: readonly Digest[];
}

class Reading {
  readonly places = new Map<Digest, TarPlace>();
  readonly #entries: ArchiveEntries;
  readonly #options: Signal;
  readonly #hashed = new Map<ArchiveEntry, Digest>();
  readonly #configs = new Map<ArchiveEntry, SavedConfig>();

  constructor(entries: ArchiveEntries, options: Signal) {
    this.#entries = entries;
    this.#options = options;
  }

  async image(json: JsonValue): Promise<SavedImage> {
    if (!isJsonObject(json)) throw invalid(this.#entries, "an image of manifest.json must be an object");
    const [configPath, layerPaths] = [json["Config"], json["Layers"] ?? []];
    if (typeof configPath !== "string") throw invalid(this.#entries, "Config must be a path");
    if (!isTexts(layerPaths)) throw invalid(this.#entries, "Layers must be an array of paths");
    const names = json["RepoTags"] ?? [];
    if (!isTexts(names)) throw invalid(this.#entries, "RepoTags must be an array of names");
    const entry = this.#file(configPath);
    const { digest, diffIds } = await this.#config(entry);
    if (diffIds.length !== layerPaths.length) {
      throw invalid(
        this.#entries,
        `manifest.json names ${layerPaths.length} layers, the configuration ${diffIds.length}`,
      );
    }
    const config = this.#describe(MediaType.ImageConfig, digest, entry);
    const layers: Descriptor[] = [];
    for (const [at, diffId] of diffIds.entries()) layers.push(await this.#layer(layerPaths[at] ?? "", diffId));
    const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.ImageManifest, config, layers });
    if (bytes.length > Limits.manifest) {
      throw new OciError(
        "LIMIT_EXCEEDED",
        `The manifest of ${JSON.stringify(configPath)} would have ${bytes.length} bytes`,
      );
    }
    return {
      manifest: { mediaType: MediaType.ImageManifest, digest: digestOf(bytes), size: bytes.length },
      bytes,
      names,
    };
  }

  /** Read once, however many images of a hostile list name it. */
  async #config(entry: ArchiveEntry): Promise<SavedConfig> {
    const known = this.#configs.get(entry);
    if (known) return known;
    const bytes = await readEntry(this.#entries, entry, Limits.config, this.#options);
    const config = { digest: digestOf(bytes), diffIds: parseImageConfig(bytes).diffIds };
    this.#configs.set(entry, config);
    return config;
  }

  async #layer(path: string, diffId: Digest): Promise<Descriptor> {
    const entry = this.#file(path);
    const start = Buffer.alloc(Math.min(4, entry.size));
    await this.#entries.archive.file.read(start, entry.offset);
    switch (detectCompression(start)) {
      case "gzip":
        return this.#describe(MediaType.LayerGzip, await this.#hash(entry), entry);
      case "zstd":
        return this.#describe(MediaType.LayerZstd, await this.#hash(entry), entry);
      case "none":
        return this.#describe(MediaType.Layer, diffId, entry);
    }
  }

  async #hash(entry: ArchiveEntry): Promise<Digest> {
    const known = this.#hashed.get(entry);
    if (known) return known;
    const digester = new Digester();
    const span = { start: entry.offset, end: entry.offset + entry.size };
    const read = readArchiveSpan(this.#entries.archive.file, span, { lent: true, signal: this.#options.signal });
    for await (const chunk of read) digester.update(chunk);
    const digest = digester.digest();
    this.#hashed.set(entry, digest);
    return digest;
  }

  #describe(mediaType: string, digest: Digest, { offset, size }: ArchiveEntry): Descriptor {
    this.places.set(digest, { offset, size });
    return { mediaType, digest, size };
  }

  /** The file that a name stands for. Docker links equal layers; links are names in the archive, never on a disk. */
  #file(written: string): ArchiveEntry {
    let path = posix.normalize(written);
    for (let links = 0; links <= MAX_LINKS; links += 1) {
      if (path.startsWith("/") || path === ".." || path.startsWith("../")) {
        throw invalid(this.#entries, `${JSON.stringify(written)} leads out of the archive`);
      }
      const entry = this.#entries.byPath.get(path);
      if (entry === undefined) throw invalid(this.#entries, `it has no ${JSON.stringify(path)}`);
      if (entry.type === "file") return entry;
      if (entry.type === "symlink") path = posix.join(posix.dirname(path), entry.linkPath ?? "");
      else if (entry.type === "hardlink") path = posix.normalize(entry.linkPath ?? "");
      else throw invalid(this.#entries, `${JSON.stringify(path)} is not a file`);
      // An absolute target is not one of the archive.
      if (entry.linkPath?.startsWith("/")) path = entry.linkPath;
    }
    throw invalid(this.#entries, `too many links lead on from ${JSON.stringify(written)}`);
  }
}

function isTexts(value: JsonValue | undefined): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
