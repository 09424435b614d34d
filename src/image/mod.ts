import { OciError } from "../error/oci-error.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { type JsonObject, type JsonValue } from "../spec/json.ts";
import { isIndexType } from "../spec/media-type.ts";
import type { ImageIndex } from "../spec/manifest.ts";
import { matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import { INDEX_DEPTH, indexEntries, isAttestation, pointedAt } from "../store/document-entry.ts";
import type { Source, Store } from "../store/store.ts";
import type { Edge } from "../store/successors.ts";
import { copy } from "../transfer/copy.ts";
import { attestationToReferrer, attestedDigest } from "./attestation.ts";
import type { OnImageEvent } from "./event.ts";
import type { ImageChange } from "./image-change.ts";
import { editIndex, isStatement } from "./index-editor.ts";
import { objectField, sameJson, toJson, withFields } from "../spec/json-edit.ts";
import { ManifestEditor } from "./manifest-editor.ts";
import type { NodeChange } from "./node-change.ts";
import { readManifest } from "./read-image.ts";
import { type LeftReferrer, moveReferrers } from "./referrer-move.ts";
import { ImageWriter } from "./writer.ts";

export interface ModImageOptions extends Signal, ImageChange {
  readonly source: Source;
  readonly descriptor: Descriptor;
  readonly target: Store;
  /** Names that the result gets, last of all. */
  readonly tags?: readonly string[];
  /** What the tags point at now; another writer's change in between is a CONFLICT. */
  readonly expect?: Digest;
  /** Only these children of an index; all by default. */
  readonly platforms?: readonly Platform[];
  /** Re-attach what hangs on a changed manifest to the new one, as copies with digests of their own. */
  readonly referrers?: boolean;
  readonly dryRun?: boolean;
  readonly onEvent?: OnImageEvent;
}

export interface ModResult {
  readonly descriptor: Descriptor;
  /** Children first. Empty: nothing had to change. */
  readonly changes: readonly NodeChange[];
  /** Referrers of the changed manifests that stay with the old digests, and why. */
  readonly left: readonly LeftReferrer[];
}

/**
 * Changes an image, or every image of an index, and rebuilds what stands above a change.
 * Documents are edited, not written anew: fields unknown to berth, their order, and every
 * child and layer that has nothing to change stay as they are.
 * @throws OciError UNSUPPORTED (not an image, or a Docker manifest that cannot hold annotations),
 *   PLATFORM_UNKNOWN, USAGE, CONFLICT, and what the stores throw
 */
export async function modImage(options: ModImageOptions): Promise<ModResult> {
  const mod = new Mod(options);
  const descriptor = await mod.node(options.descriptor, 0, true);
  mod.requirePlatforms();
  const left = await moveReferrers({ ...options, writer: mod.writer, changes: mod.changes });
  await mod.writer.name(descriptor, options.tags ?? [], options.expect);
  return { descriptor, changes: mod.changes, left };
}

class Mod {
  readonly writer: ImageWriter;
  readonly changes: NodeChange[] = [];
  readonly #options: ModImageOptions;
  readonly #signal: Signal;
  readonly #editor: ManifestEditor;
  readonly #sameStore: boolean;
  readonly #met = new Set<Platform>();
  /** The annotations of images, by the digests that they have now. */
  readonly #annotations = new Map<string, JsonObject>();

  constructor(options: ModImageOptions) {
    this.#options = options;
    this.#signal = options.signal ? { signal: options.signal } : {};
    this.writer = new ImageWriter(options);
    this.#editor = new ManifestEditor({ ...options, writer: this.writer, changes: this.changes });
    this.#sameStore = sameJson(options.source.location, options.target.location);
  }

  /** @throws OciError PLATFORM_UNKNOWN when a platform that was asked for did not come up */
  requirePlatforms(): void {
    const missing = this.#options.platforms?.find((platform) => !this.#met.has(platform));
    if (!missing) return;
    throw new OciError(
      "PLATFORM_UNKNOWN",
      `${this.#options.descriptor.digest} has nothing for ${missing.os}/${missing.architecture}`,
      { digest: this.#options.descriptor.digest },
    );
  }

  /** Changes a node and what is below it; the root gets listed where no tag will point at it. */
  async node(descriptor: Descriptor, depth: number, root: boolean, inherited: Annotations = {}): Promise<Descriptor> {
    this.#options.signal?.throwIfAborted();
    if (depth > INDEX_DEPTH) throw new OciError("LIMIT_EXCEEDED", `More than ${INDEX_DEPTH} indexes inside each other`);
    const { manifest, document } = await readManifest(this.#options.source, descriptor, this.#signal);
    const listed = root && !this.#options.tags?.length;
    if (manifest.form === "index") {
      const edited = await this.#index(manifest, document, depth, root);
      return this.#write("index", descriptor, document, edited, listed);
    }
    if (manifest.form !== "image") {
      if (!root) return this.#keep(descriptor);
      throw new OciError("UNSUPPORTED", `Cannot change ${descriptor.digest}: ${descriptor.mediaType} is not an image`, {
        digest: descriptor.digest,
      });
    }
    const edited = await this.#editor.edit({ descriptor, manifest, document }, root, this.#met, inherited);
    const written = edited
      ? await this.#write("manifest", descriptor, document, edited, listed)
      : await this.#keep(descriptor);
    this.#annotations.set(written.digest, objectField(edited ?? document, "annotations"));
    return written;
  }

  async #write(
    role: "index" | "manifest",
    from: Descriptor,
    before: JsonObject,
    after: JsonObject,
    listed: boolean,
  ): Promise<Descriptor> {
    if (sameJson(before, after)) return this.#keep(from);
    const mediaType = after["mediaType"];
    const type = typeof mediaType === "string" ? mediaType : from.mediaType;
    const { descriptor: to } = await this.writer.manifest(after, type, listed);
    this.changes.push({ role, from, to });
    return to;
  }

  /** An unchanged node goes over as it is, bytes and all. */
  async #keep(descriptor: Descriptor): Promise<Descriptor> {
    const { source, target } = this.#options;
    const bare = { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size };
    if (!this.#sameStore && this.#options.dryRun !== true) {
      await copy({ source, target, roots: [{ descriptor: bare, tags: [] }], referrers: false, ...this.#signal });
    }
    return bare;
  }

  async #index(manifest: ImageIndex, document: JsonObject, depth: number, root: boolean): Promise<JsonObject> {
    const renamed = new Map<string, Digest>();
    const inherited = root ? (manifest.annotations ?? {}) : {};
    const children: JsonValue[] = [];
    const attestations: Descriptor[] = [];
    for (const { entry, edge } of indexEntries(manifest, document)) {
      if (this.#options.attestationsToReferrers === true && isStatement(entry)) attestations.push(edge.descriptor);
      else children.push(await this.#child(entry, edge, depth, renamed, inherited));
    }
    for (const descriptor of attestations) children.push(...(await this.#attested(descriptor, manifest, renamed)));
    const below = { entries: children, renamed, annotations: this.#annotations };
    return editIndex(document, manifest.mediaType, below, { ...this.#options, writer: this.writer });
  }

  /** Turns an attestation into a referrer; the entry stays where what it speaks of is not in the index. */
  async #attested(
    descriptor: Descriptor,
    manifest: ImageIndex,
    renamed: ReadonlyMap<string, Digest>,
  ): Promise<readonly JsonValue[]> {
    const old = attestedDigest(descriptor);
    const image = manifest.manifests.find(({ digest }) => digest === old);
    if (!image) {
      await this.#keep(descriptor);
      return [toJson(descriptor)];
    }
    const now = this.changes.find(({ from, to }) => from.digest === old && renamed.get(image.digest) === to.digest)?.to;
    const options = { ...this.#options, writer: this.writer, changes: this.changes };
    await attestationToReferrer({ descriptor, subject: now ?? image }, options);
    return [];
  }

  async #child(
    entry: JsonObject,
    { role, descriptor }: Edge,
    depth: number,
    renamed: Map<string, Digest>,
    inherited: Annotations,
  ): Promise<JsonObject> {
    const { platforms, config } = this.#options;
    const wanted = platforms?.find((platform) => descriptor.platform && matchesPlatform(descriptor.platform, platform));
    const nested = isIndexType(descriptor.mediaType);
    if (wanted) this.#met.add(wanted);
    if (role !== "child") {
      if (!this.#sameStore) await this.writer.carry(descriptor, this.#options.source);
      return entry;
    }
    if (isAttestation(descriptor) || (platforms && !wanted && !nested)) {
      await this.#keep(descriptor);
      return entry;
    }
    const to = await this.node(descriptor, depth + 1, false, inherited);
    if (to.digest === descriptor.digest) return entry;
    renamed.set(descriptor.digest, to.digest);
    const changed = pointedAt(entry, to);
    if (!config?.platform || nested) return changed;
    return withFields(changed, { platform: toJson(config.platform) });
  }
}
