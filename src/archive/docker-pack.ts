import type { Bytes } from "../bytes/bytes.ts";
import { verify } from "../bytes/verify.ts";
import { readArchiveSpan } from "../blobs/tar-content.ts";
import type { Disk } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { algorithmOf, type Digest, encodedOf } from "../spec/digest.ts";
import { encodeJson } from "../spec/json.ts";
import { entryName, layoutEntry, type LayoutIndex } from "../spec/layout-index.ts";
import { Limits } from "../spec/limits.ts";
import type { Blobs } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import { tarEnd, writeTarEntry } from "../tar/write.ts";
import type { Packer } from "./archive.ts";
import { type DockerImage, dockerImages, type NamesOfTags, readBlob } from "./docker-images.ts";
import { archiveEntry, packLayout, writeSmall } from "./pack.ts";
import { spool } from "./spool.ts";

/** What `docker load` reads first. Paths are those of the archive that it lies in. */
function manifestJson(
  images: readonly DockerImage[],
  pathOf: { readonly config: (digest: Digest) => string; readonly layer: (image: DockerImage, at: number) => string },
): Uint8Array {
  return encodeJson(
    images.map((image) => ({
      Config: pathOf.config(image.config.digest),
      RepoTags: image.names.length === 0 ? null : image.names,
      Layers: image.layers.map((_layer, at) => pathOf.layer(image, at)),
    })),
  );
}

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

/** Full names of tags, for archives whose tags stand alone. */
export type FullNames = Readonly<Record<string, string>>;

/** Gives entries the full names that Docker and containerd look for. */
function withFullNames(index: LayoutIndex, fullNames: FullNames): LayoutIndex {
  const entries = index.entries.map((entry) => {
    const name = entryName(entry) ?? "";
    const full = Object.hasOwn(fullNames, name) ? fullNames[name] : undefined;
    return full === undefined ? entry : layoutEntry(entry.descriptor, { [Annotation.ContainerdName]: full });
  });
  return { ...index, entries };
}

/**
 * Packs a layout that `docker load` takes as well: what Docker can load of it stands in a manifest.json beside.
 * @param onNotice told why Docker could load nothing of it
 */
export function loadablePacker(fullNames: FullNames, onNotice?: (text: string) => void): Packer {
  return async (contents, options) => {
    const index = withFullNames(contents.index, fullNames);
    const { images, refused } = await dockerImages(index, contents.blobs, options);
    const paths = {
      config: blobPath,
      layer: (image: DockerImage, at: number): string => blobPath((image.layers[at] ?? image.config).digest),
    };
    if (images.length > 0)
      return packLayout({ ...contents, index, manifestJson: manifestJson(images, paths) }, options);
    onNotice?.(`docker load will find no image in the archive: ${refused[0]?.why ?? "there is none"}`);
    return packLayout({ ...contents, index, manifestJson: undefined }, options);
  };
}

/**
 * Packs what `docker save` would: the named images alone, their layers uncompressed.
 * @param names what the images are called; it may grow until the archive is packed
 * @param onLeft told of how much is left out because it hangs on the images
 * @throws OciError UNSUPPORTED for what is not an image, DIGEST_INVALID when a layer is not what the configuration says
 */
export function dockerPacker(disk: Disk, names: NamesOfTags, onLeft?: (count: number) => void): Packer {
  return async ({ index, blobs }, options) => {
    const { images, refused, attached } = await dockerImages(index, blobs, { ...options, names });
    const [first] = refused;
    if (first) {
      throw new OciError("UNSUPPORTED", `A docker archive cannot hold ${first.name}: ${first.why}`, {
        side: "target",
        hint: "Write an OCI archive, which holds everything: oci-archive:FILE",
      });
    }
    if (images.length === 0) {
      throw new OciError("UNSUPPORTED", "A docker archive holds named images, and nothing was named", {
        side: "target",
        hint: "Give a name after the file: docker-archive:FILE:NAME:TAG",
      });
    }
    if (attached > 0) onLeft?.(attached);
    return pack(disk, images, blobs, options);
  };
}

async function* pack(disk: Disk, images: readonly DockerImage[], blobs: Blobs, options: Signal): Bytes {
  const paths = {
    config: (digest: Digest): string => `${encodedOf(digest)}.json`,
    layer: (image: DockerImage, at: number): string => `${encodedOf(image.diffIds[at] ?? image.config.digest)}.tar`,
  };
  yield* writeSmall("manifest.json", manifestJson(images, paths));
  const written = new Set<string>();
  for (const image of images) {
    const config = paths.config(image.config.digest);
    if (!written.has(config)) {
      yield* writeSmall(config, await readBlob(image.config, blobs, Limits.config, options));
    }
    written.add(config);
    for (const [at, layer] of image.layers.entries()) {
      const path = paths.layer(image, at);
      const diffId = image.diffIds[at];
      if (diffId === undefined || written.has(path)) continue;
      written.add(path);
      yield* packLayer({ disk, path, layer, diffId }, blobs, options);
    }
  }
  yield tarEnd();
}

/** A layer uncompressed; its size has to be known first, so it is unpacked into a temporary file. */
async function* packLayer(
  layer: { readonly disk: Disk; readonly path: string; readonly layer: Descriptor; readonly diffId: Digest },
  blobs: Blobs,
  options: Signal,
): Bytes {
  await using content = await blobs.open(layer.layer.digest, options);
  const spooled = await spool(layer.disk, content.bytes(), { what: "layer", ...options });
  await using file = spooled.file;
  const { size } = spooled;
  const unpacked = { mediaType: layer.layer.mediaType, digest: layer.diffId, size };
  yield* writeTarEntry({
    entry: archiveEntry(layer.path, "file", size),
    content: () => verify(readArchiveSpan(file, { start: 0, end: size }, { signal: options.signal }), unpacked),
  });
}
