import { fromBuffer } from "../../src/bytes/bytes.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Algorithm } from "../../src/spec/digest.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { ContentSource } from "../../src/store/content.ts";
import type { Store } from "../../src/store/store.ts";

/** Content with its descriptor, ready to be pushed. */
export interface Piece {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export function piece(content: string | Uint8Array, mediaType: string, algorithm: Algorithm = "sha256"): Piece {
  const bytes = Buffer.from(content);
  return { descriptor: { mediaType, digest: digestOf(bytes, algorithm), size: bytes.length }, bytes };
}

export function blob(content: string | Uint8Array, algorithm: Algorithm = "sha256"): Piece {
  return piece(content, MediaType.Layer, algorithm);
}

export function json(value: unknown, mediaType: string, algorithm: Algorithm = "sha256"): Piece {
  return piece(JSON.stringify(value), mediaType, algorithm);
}

/** Bytes of a piece as a source that can be opened again. */
export function sourceOf(bytes: Uint8Array): ContentSource {
  return (options) => fromBuffer(Uint8Array.from(bytes.subarray(options?.offset ?? 0)));
}

export interface ImageParts {
  readonly manifest: Piece;
  readonly blobs: readonly Piece[];
}

/** A small image; `seed` makes it differ from others. */
export function image(
  seed: string,
  extra: { subject?: Descriptor; artifactType?: string; annotations?: Record<string, string> } = {},
): ImageParts {
  const config = piece(
    JSON.stringify({ architecture: "amd64", os: "linux", seed, rootfs: { type: "layers", diff_ids: [] } }),
    MediaType.ImageConfig,
  );
  const layer = piece(`layer of ${seed}`, MediaType.Layer);
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      ...(extra.artifactType ? { artifactType: extra.artifactType } : {}),
      config: config.descriptor,
      layers: [layer.descriptor],
      ...(extra.subject ? { subject: extra.subject } : {}),
      ...(extra.annotations ? { annotations: extra.annotations } : {}),
    },
    MediaType.ImageManifest,
  );
  return { manifest, blobs: [config, layer] };
}

export function index(children: readonly Descriptor[], extra: Record<string, unknown> = {}): Piece {
  return json(
    { schemaVersion: 2, mediaType: MediaType.ImageIndex, manifests: children, ...extra },
    MediaType.ImageIndex,
  );
}

export async function pushBlob(store: Store, part: Piece): Promise<void> {
  await store.push(part.descriptor, sourceOf(part.bytes), { kind: "blob" });
}

export async function pushManifest(store: Store, part: Piece, tags: readonly string[] = []): Promise<void> {
  const result = await store.push(part.descriptor, sourceOf(part.bytes), { kind: "manifest", tags });
  const { subject } = JSON.parse(Buffer.from(part.bytes).toString()) as { subject?: Descriptor };
  if (subject && !result.subjectHandled) {
    await store.listReferrers?.([{ subject, add: [await listed(part)], remove: [] }]);
  }
}

/** How a registry would list a manifest under its subject. */
export async function listed(part: Piece): Promise<Descriptor> {
  const { parseManifest } = await import("../../src/spec/manifest.ts");
  const { referrerDescriptor } = await import("../../src/spec/referrer.ts");
  return referrerDescriptor(parseManifest(part.bytes, part.descriptor.mediaType), part.descriptor);
}

export async function pushImage(store: Store, parts: ImageParts, tags: readonly string[] = []): Promise<Descriptor> {
  for (const part of parts.blobs) await pushBlob(store, part);
  await pushManifest(store, parts.manifest, tags);
  return parts.manifest.descriptor;
}

export async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

export async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
