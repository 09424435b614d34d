import type { DiskFile } from "../disk/disk.ts";
import { OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import type { Blobs, Upload } from "../store/blobs.ts";
import type { Content, Range, Signal } from "../store/content.ts";
import { spanOf } from "./file-span.ts";
import { TarContent } from "./tar-content.ts";

/** Where a blob lies in an archive; a text says why it cannot be read. */
export type TarPlace = { readonly offset: number; readonly size: number } | string;

/** Blobs that lie in an uncompressed tar, read in place. Nothing can be written. */
export class TarBlobs implements Blobs {
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #places: ReadonlyMap<Digest, TarPlace>;

  /** @param path names the archive in messages */
  constructor(file: DiskFile, path: string, places: ReadonlyMap<Digest, TarPlace>) {
    this.#file = file;
    this.#path = path;
    this.#places = places;
  }

  has(digest: Digest): boolean {
    return this.#places.has(digest);
  }

  async stat(digest: Digest): Promise<{ readonly size: number } | undefined> {
    const place = this.#places.get(digest);
    return place === undefined ? undefined : { size: this.#require(place, digest).size };
  }

  async open(digest: Digest, options: { readonly range?: Range } & Signal = {}): Promise<Content> {
    const found = this.#places.get(digest);
    if (found === undefined) {
      throw new OciError("BLOB_UNKNOWN", `There is no blob ${digest} in ${JSON.stringify(this.#path)}`, { digest });
    }
    const { offset, size } = this.#require(found, digest);
    const part = spanOf(options.range, size, digest);
    return new TarContent(this.#file, { start: offset, end: offset + size }, part, options.signal);
  }

  async stage(): Promise<Upload> {
    throw this.#readOnly();
  }

  async resume(): Promise<Upload> {
    throw this.#readOnly();
  }

  async remove(): Promise<void> {
    throw this.#readOnly();
  }

  async *list(): AsyncGenerator<{ digest: Digest; size: number; touchedAt: Date }, void, undefined> {
    for (const [digest, place] of this.#places) {
      if (typeof place !== "string") yield { digest, size: place.size, touchedAt: new Date(0) };
    }
  }

  #require(place: TarPlace, digest: Digest): { readonly offset: number; readonly size: number } {
    if (typeof place !== "string") return place;
    throw new OciError("CONTENT_DAMAGED", `The blob ${digest} is ${place} in the archive, expected a regular file`, {
      digest,
    });
  }

  #readOnly(): OciError {
    return new OciError("UNSUPPORTED", `The archive ${JSON.stringify(this.#path)} is only read`);
  }
}
