import { gzipSync } from "node:zlib";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import { type ChosenImage, chooseImage } from "../../src/image/choose-image.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { padding } from "../../src/tar/block.ts";
import type { TarEntry } from "../../src/tar/entry.ts";
import { rawHeader } from "../tar/raw-header.ts";
import { put } from "./fixture.ts";

/** One entry of a layer, as a test writes it: `path`, with content for a file; `flag` for extended headers. */
export type Written = Partial<TarEntry> & { readonly path: string; readonly text?: string; readonly flag?: string };

const FLAGS: Readonly<Record<string, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  "character-device": "3",
  directory: "5",
  fifo: "6",
};

/** The bytes of an entry, whatever it says. */
export function entryBytes({ path, text = "", type = "file", mode, linkPath = "", ...rest }: Written): Buffer {
  const content = Buffer.from(text);
  const header = rawHeader({
    name: path,
    mode: mode ?? (type === "directory" ? 0o755 : 0o644),
    uid: rest.uid ?? 0,
    gid: rest.gid ?? 0,
    size: rest.size ?? content.length,
    modifiedAt: rest.modifiedAt ?? 0,
    flag: rest.flag ?? FLAGS[type] ?? "0",
    linkName: linkPath,
    userName: rest.userName ?? "",
    groupName: rest.groupName ?? "",
  });
  return Buffer.concat([header, content, Buffer.alloc(padding(content.length))]);
}

export function tarOf(entries: readonly Written[]): Buffer {
  return Buffer.concat([...entries.map(entryBytes), Buffer.alloc(1024)]);
}

export interface ImageOptions {
  readonly layers: readonly (readonly Written[] | Buffer)[];
  readonly compressed?: boolean;
  readonly history?: readonly object[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly architecture?: string;
  readonly config?: object;
  readonly tag?: string;
  /** Instead of those of the layers. */
  readonly diffIds?: readonly string[];
}

/** Puts an image of raw layers into a store. */
export async function putImage(store: Store, options: ImageOptions): Promise<Descriptor> {
  const descriptors: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const layer of options.layers) {
    const tar = Buffer.isBuffer(layer) ? layer : tarOf(layer);
    const bytes = options.compressed === false ? tar : gzipSync(tar);
    const mediaType = options.compressed === false ? MediaType.Layer : MediaType.LayerGzip;
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await store.push(descriptor, () => fromBuffer(bytes), { kind: "blob" });
    descriptors.push(descriptor);
    diffIds.push(digestOf(tar));
  }
  const config = await put(store, "blob", MediaType.ImageConfig, {
    architecture: options.architecture ?? "amd64",
    os: "linux",
    created: "2026-06-01T00:00:00Z",
    config: options.config ?? {},
    rootfs: { type: "layers", diff_ids: options.diffIds ?? diffIds },
    history:
      options.history ?? diffIds.map((_id, at) => ({ created: "2026-06-01T00:00:00Z", created_by: `STEP ${at}` })),
  });
  const manifest = await put(store, "manifest", MediaType.ImageManifest, {
    schemaVersion: 2,
    mediaType: MediaType.ImageManifest,
    config,
    layers: descriptors,
    ...(options.annotations ? { annotations: options.annotations } : {}),
  });
  if (options.tag !== undefined) await store.update([{ tag: options.tag, to: manifest }]);
  return manifest;
}

/** Puts an image and opens it. */
export async function openImageOf(store: Store, options: ImageOptions): Promise<ChosenImage> {
  return chooseImage(store, await putImage(store, options), {});
}
