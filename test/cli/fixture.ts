import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLayout } from "../../src/layout/open-layout.ts";
import {
  blob,
  type ImageParts,
  image,
  json,
  type Piece,
  pushBlob,
  pushImage,
  pushManifest,
} from "../support/content.ts";
import { MediaType } from "../../src/spec/media-type.ts";

/** A directory of its own, removed when disposed. */
export async function workFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "berth-cli-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A layout with one small image under the given tags. */
export async function imageLayout(path: string, tags: readonly string[]): Promise<ImageParts> {
  const parts = image(path);
  await using store = await openLayout(path, { create: true });
  await pushImage(store, parts, tags);
  return parts;
}

/** An image with one layer of so many bytes. */
export function imageOf(size: number): { readonly manifest: Piece; readonly config: Piece; readonly layer: Piece } {
  const layer = blob(Buffer.alloc(size, "berth"));
  const config = json(
    { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } },
    MediaType.ImageConfig,
  );
  const manifest = json(
    { schemaVersion: 2, mediaType: MediaType.ImageManifest, config: config.descriptor, layers: [layer.descriptor] },
    MediaType.ImageManifest,
  );
  return { manifest, config, layer };
}

export async function layoutOf(path: string, size: number, tag: string): Promise<ReturnType<typeof imageOf>> {
  const parts = imageOf(size);
  await using store = await openLayout(path, { create: true });
  await pushBlob(store, parts.layer);
  await pushBlob(store, parts.config);
  await pushManifest(store, parts.manifest, [tag]);
  return parts;
}

/** Every path below a folder, sorted. */
export async function filesBelow(path: string): Promise<readonly string[]> {
  return (await readdir(path, { recursive: true })).toSorted();
}
