import { OciError } from "../error/oci-error.ts";
import { ManifestReader } from "../graph/manifest-reader.ts";
import { Annotation } from "../spec/annotation.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isImageConfigType } from "../spec/image-config.ts";
import { type JsonObject, parseJson } from "../spec/json.ts";
import { objectField, withFields, withObjectField } from "../spec/json-edit.ts";
import { Limits } from "../spec/limits.ts";
import { type ImageIndex, type ImageManifest, parseManifest } from "../spec/manifest.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import type { Via } from "../store/names.ts";
import type { Source } from "../store/store.ts";
import { INDEX_DEPTH, indexEntries, isAttestation, pointedAt, withReference } from "../store/document-entry.ts";
import {
  familyOf,
  layerCompression,
  type MediaFamily,
  requireDockerCompression,
  typeIn,
} from "../store/media-family.ts";
import type { Edge } from "../store/successors.ts";
import type { Compression } from "../tar/compress.ts";
import { Overlay } from "./overlay.ts";
import { LayerRecompression } from "./recompress.ts";

export interface ConvertOptions extends Signal {
  readonly source: Source;
  readonly roots: readonly Descriptor[];
  /** Take these out of every index; an index without some of its own gets a new digest and says which it had. */
  readonly strip?: ReadonlySet<Digest>;
  /** Whose media types manifests, configurations and layers get. */
  readonly mediaTypes?: MediaFamily;
  /** Compress the layers of images anew where they are compressed otherwise. */
  readonly compression?: Exclude<Compression, "none">;
}

/** A manifest that got another digest. */
export interface Changed {
  readonly from: Descriptor;
  readonly to: Descriptor;
}

/** Something that cannot follow to the new digest. */
export interface LeftBehind {
  readonly subject: Descriptor;
  readonly descriptor: Descriptor;
  /** How it hangs on its subject; "attestation": in Docker's indexes there is no place for it. */
  readonly via: Via | "attestation";
  readonly tag?: string;
}

export interface Converted extends AsyncDisposable {
  /** The source with what is new over it; valid until disposed. */
  readonly source: Source;
  /** In the order of those that were given. */
  readonly roots: readonly Descriptor[];
  /** Children first; empty where nothing had to change. */
  readonly changes: readonly Changed[];
  readonly left: readonly LeftBehind[];
}

/** Of manifests, indexes and configurations, which have no other in either family. */
const TYPES = {
  manifest: { oci: MediaType.ImageManifest, docker: MediaType.DockerManifest },
  index: { oci: MediaType.ImageIndex, docker: MediaType.DockerManifestList },
  config: { oci: MediaType.ImageConfig, docker: MediaType.DockerConfig },
} as const;

/**
 * Makes the graph that a copy with other digests brings over: fewer platforms, other media types, layers
 * compressed otherwise. Documents are edited, not written anew: what is unknown to berth stays. Nothing is
 * written to the source; what hung on a changed manifest is reported, since it speaks of the old digest.
 * @throws OciError UNSUPPORTED for what the other media types cannot hold; DIGEST_INVALID for a layer that is not what
 *   its configuration says
 */
export async function convert(options: ConvertOptions): Promise<Converted> {
  const conversion = new Conversion(options);
  try {
    const roots: Descriptor[] = [];
    for (const root of options.roots) roots.push(await conversion.node(bareDescriptor(root), 0));
    return await conversion.finish(roots);
  } catch (error) {
    await conversion.overlay[Symbol.asyncDispose]();
    throw error;
  }
}

class Conversion {
  readonly overlay: Overlay;
  readonly #options: ConvertOptions;
  readonly #signal: Signal;
  readonly #reader: ManifestReader;
  readonly #layers: LayerRecompression;
  readonly #done = new Map<Digest, Descriptor>();
  readonly #changes: Changed[] = [];
  readonly #left: LeftBehind[] = [];

  constructor(options: ConvertOptions) {
    this.#options = options;
    this.#signal = options.signal ? { signal: options.signal } : {};
    this.#reader = new ManifestReader(options.source);
    this.overlay = new Overlay(options.source);
    this.#layers = new LayerRecompression({ ...options, overlay: this.overlay });
  }

  async node(descriptor: Descriptor, depth: number): Promise<Descriptor> {
    const known = this.#done.get(descriptor.digest);
    if (known) return known;
    if (depth > INDEX_DEPTH) throw new OciError("LIMIT_EXCEEDED", `More than ${INDEX_DEPTH} indexes inside each other`);
    const bytes = await this.#reader.read(descriptor, this.#signal);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    if (manifest.form !== "index" && manifest.form !== "image") return descriptor;
    const document = parseJson(bytes, "manifest") as JsonObject;
    const family = this.#options.mediaTypes ?? familyOf(descriptor.mediaType);
    const edited =
      manifest.form === "index"
        ? await this.#index(descriptor, manifest, document, family, depth)
        : await this.#image(manifest, document, family);
    const mediaType = typeof edited["mediaType"] === "string" ? edited["mediaType"] : descriptor.mediaType;
    const same = JSON.stringify(edited) === JSON.stringify(document);
    const to = same ? descriptor : this.overlay.manifest(edited, mediaType, descriptor.digest);
    if (!same) this.#changes.push({ from: descriptor, to });
    this.#done.set(descriptor.digest, to);
    return to;
  }

  /** Finds what hangs on the manifests that changed: it stays with the old ones. */
  async finish(roots: readonly Descriptor[]): Promise<Converted> {
    for (const { from } of this.#changes) {
      for await (const { descriptor, via, tag } of this.#options.source.referrers(from, this.#signal)) {
        if (this.#left.length >= Limits.referrers) {
          throw new OciError("LIMIT_EXCEEDED", `More than ${Limits.referrers} referrers hang on the changed manifests`);
        }
        this.#left.push({ subject: from, descriptor, via, ...(tag === undefined ? {} : { tag }) });
      }
    }
    const { overlay } = this;
    return {
      source: overlay.source(),
      roots,
      changes: this.#changes,
      left: this.#left,
      [Symbol.asyncDispose]: () => overlay[Symbol.asyncDispose](),
    };
  }

  async #index(
    descriptor: Descriptor,
    manifest: ImageIndex,
    document: JsonObject,
    family: MediaFamily,
    depth: number,
  ): Promise<JsonObject> {
    const renamed = new Map<string, Digest>();
    const children: JsonObject[] = [];
    let stripped = 0;
    for (const { entry, edge } of indexEntries(manifest, document)) {
      if (this.#options.strip?.has(edge.descriptor.digest)) stripped += 1;
      else if (this.#attestationToLeave(descriptor, edge, family)) continue;
      else children.push(await this.#child(entry, edge, family, depth, renamed));
    }
    const manifests = children.map((child) => withReference(child, renamed));
    const edited = this.#retyped({ ...document, manifests }, "index", family);
    // Docker's indexes have no annotations; there the report alone tells.
    if (stripped === 0 || family === "docker") return edited;
    return withObjectField(edited, "annotations", { [Annotation.StrippedFrom]: descriptor.digest });
  }

  #attestationToLeave(index: Descriptor, { descriptor }: Edge, family: MediaFamily): boolean {
    if (!isAttestation(descriptor) || family !== "docker" || this.#options.mediaTypes === undefined) return false;
    this.#left.push({ subject: index, descriptor, via: "attestation" });
    return true;
  }

  async #child(
    entry: JsonObject,
    { role, descriptor }: Edge,
    family: MediaFamily,
    depth: number,
    renamed: Map<string, Digest>,
  ): Promise<JsonObject> {
    // An attestation is a statement: nothing in it is to be changed.
    if (role !== "child" || isAttestation(descriptor)) return entry;
    const to = await this.node(bareDescriptor(descriptor), depth + 1);
    const isDocker = family === "docker" && this.#options.mediaTypes;
    const kept = isDocker ? withFields(entry, { data: undefined, annotations: undefined }) : entry;
    if (to.digest === descriptor.digest) return kept;
    renamed.set(descriptor.digest, to.digest);
    return pointedAt(kept, to);
  }

  async #image(manifest: ImageManifest, document: JsonObject, family: MediaFamily): Promise<JsonObject> {
    // What is no image (a chart, an SBOM) has no other media types, and no DiffIDs to check its layers against.
    if (!isImageConfigType(manifest.config.mediaType)) return document;
    if (this.#options.mediaTypes === "docker" && manifest.subject) {
      throw new OciError("UNSUPPORTED", "An image that hangs on another cannot have Docker's media types", {
        digest: manifest.subject.digest,
      });
    }
    const { mediaTypes } = this.#options;
    const layers = await this.#layers.all(manifest, document, family);
    if (mediaTypes === undefined) return { ...document, layers };
    return this.#retyped(
      {
        ...document,
        config: withFields(objectField(document, "config"), { mediaType: TYPES.config[family] }),
        layers: layers.map((layer) => withLayerType(layer, family)),
      },
      "manifest",
      family,
    );
  }

  #retyped(document: JsonObject, kind: "manifest" | "index", family: MediaFamily): JsonObject {
    if (this.#options.mediaTypes === undefined) return document;
    const mediaType = TYPES[kind][family];
    // A document of OCI's may leave its media type out; it keeps its digest then.
    if (family === "oci") return document["mediaType"] === undefined ? document : { ...document, mediaType };
    // Docker's types know neither; a reader of theirs may refuse the whole manifest for them.
    const { annotations: _annotations, artifactType: _type, ...rest } = document;
    return { ...rest, mediaType };
  }
}

function withLayerType(layer: JsonObject, family: MediaFamily): JsonObject {
  const { mediaType } = layer;
  if (typeof mediaType !== "string") return layer;
  if (family === "docker") requireDockerCompression(layerCompression(mediaType) ?? "none");
  return withFields(layer, { mediaType: typeIn(family, mediaType) });
}
