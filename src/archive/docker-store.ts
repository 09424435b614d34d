import { fromBuffer } from "../bytes/bytes.ts";
import { MemoryBlobs } from "../blobs/memory.ts";
import { TarBlobs } from "../blobs/tar.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import { repository } from "../store/repository.ts";
import type { Store } from "../store/store.ts";
import { DockerNames, dockerReadOnly } from "./docker-names.ts";
import { readSavedImages } from "./docker-read.ts";
import type { ArchiveEntries } from "./entries.ts";
import { OverlayBlobs } from "./overlay-blobs.ts";

/** A docker archive, readable. */
export interface DockerArchive {
  readonly store: Store;
  readonly names: DockerNames;
  /** The only image there is, where it has no name. */
  readonly unnamed?: Digest;
}

/**
 * Makes a store of what `docker save` wrote; disposing it closes the archive.
 * @throws OciError ARCHIVE_INVALID, MANIFEST_INVALID, LIMIT_EXCEEDED
 */
export async function dockerStore(entries: ArchiveEntries, options: Signal = {}): Promise<DockerArchive> {
  const { archive } = entries;
  const { images, places } = await readSavedImages(entries, options);
  const manifests = new MemoryBlobs();
  for (const { manifest, bytes } of images) {
    await using upload = await manifests.stage();
    await upload.append(fromBuffer(bytes), 0);
    await upload.commit(manifest.digest);
  }
  const names = new DockerNames(images, archive.path);
  const blobs = new OverlayBlobs(manifests, [new TarBlobs(archive.file, archive.path, places)], () => {
    throw dockerReadOnly(archive.path);
  });
  const store = repository(blobs, names, {
    location: { medium: "archive", path: archive.path },
    dispose: async () => {
      await archive.file[Symbol.asyncDispose]();
    },
  });
  const [only] = images;
  const isUnnamed = images.length === 1 && only?.names.length === 0;
  return { store, names, ...(isUnnamed ? { unnamed: only.manifest.digest } : {}) };
}
