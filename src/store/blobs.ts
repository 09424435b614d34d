import type { Bytes } from "../bytes/bytes.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";
import type { Content, Range, Signal } from "./content.ts";

/** Milliseconds after which an upload that nobody writes to is nobody's. */
export const UPLOAD_AGE: number = 24 * 60 * 60 * 1000;

export interface LeaseOption extends Signal {
  /**
   * The caller is about to rely on what it asks for: garbage collection spares it for the time of
   * its grace. For targets, never for sources, which are only read. False by default.
   */
  readonly lease?: boolean;
}

export interface BlobStat {
  /** Bytes. */
  readonly size: number;
  /**
   * Another one after whatever was done to the content where it lies; absent where that cannot be told, or where
   * something may still be done that does not show.
   */
  readonly stamp?: number;
}

/**
 * The first port: bytes by digest. Media types are not its business, so the
 * descriptor that an upload's commit returns has the type application/octet-stream.
 */
export interface Blobs {
  stat(digest: Digest, options?: LeaseOption): Promise<BlobStat | undefined>;
  /** @throws OciError BLOB_UNKNOWN, RANGE_INVALID, CONTENT_DAMAGED (not a regular file), IO */
  open(digest: Digest, options?: { readonly range?: Range } & Signal): Promise<Content>;
  stage(options?: { readonly algorithm?: Algorithm } & Signal): Promise<Upload>;
  /** @throws OciError BLOB_UPLOAD_UNKNOWN */
  resume(id: string, options?: Signal): Promise<Upload>;
  /**
   * Takes a blob from blobs of the same kind without moving it through this process:
   * reflink, hard link or copy. The digest is checked in every case. False: cannot.
   */
  link?(digest: Digest, from: Blobs, options?: Signal): Promise<boolean>;
  /** Does nothing where it is absent already. */
  remove(digest: Digest, options?: Signal): Promise<void>;
  list(options?: Signal): AsyncIterable<{ readonly digest: Digest; readonly size: number; readonly touchedAt: Date }>;
}

export interface AppendOptions extends Signal {
  /**
   * Called with a chunk that is not needed any more, so that whoever made it can free it at once. Left to
   * garbage collection, the chunks of a large upload cost a third of its processor time and 80 MiB.
   */
  readonly release?: (chunk: Uint8Array) => void;
}

/**
 * Content on its way in. Disposing suspends it: a later `resume` by id goes on.
 * One writer at a time; a second one is an OciError BLOB_UPLOAD_INVALID.
 */
export interface Upload extends AsyncDisposable {
  readonly id: string;
  /** Bytes held so far. */
  readonly offset: number;
  /**
   * Appends at an offset and returns the new one.
   * @throws OciError RANGE_INVALID when `at` is not the current offset
   */
  append(bytes: Bytes, at: number, options?: AppendOptions): Promise<number>;
  /**
   * Checks the digest, makes the content durable and ends the upload. A wrong
   * digest leaves nothing behind.
   * @throws OciError DIGEST_INVALID
   */
  commit(digest: Digest, options?: Signal): Promise<Descriptor>;
  /** Deletes what was staged. */
  abort(): Promise<void>;
}
