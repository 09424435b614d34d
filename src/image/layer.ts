import { realpath, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { type Digest, shortDigest } from "../spec/digest.ts";
import { MediaType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import { compress, type Compression } from "../tar/compress.ts";
import { decompress, detectCompression } from "../tar/decompress.ts";
import { fileBytes, fileError } from "../tar/file.ts";
import { Meter } from "../tar/measure.ts";
import { packTree } from "../tar/pack.ts";
import { readTar } from "../tar/read.ts";
import type { Owner } from "../tar/tree.ts";
import type { LayerInput } from "./layer-input.ts";
import type { ImageWriter } from "./writer.ts";

/** A layer that is at its target. */
export interface WrittenLayer {
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  /** Its line in the history. It names no path of this machine, so that the image does not depend on where it was built. */
  readonly createdBy: string;
  /** Its tar once more. */
  readonly tar: () => Bytes;
}

export interface LayerOptions extends Signal {
  readonly compression: Compression;
  /** Seconds since 1970 that packed files get. */
  readonly epoch: number;
  readonly owner?: Owner;
}

/** The media type of a layer in each form (image-spec media-types.md). */
export const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  none: MediaType.Layer,
  gzip: MediaType.LayerGzip,
  zstd: MediaType.LayerZstd,
};

/**
 * Packs or takes a layer and writes it. The tar is made, hashed, compressed, hashed again
 * and written in one pass; a finished tar keeps its bytes, and is read through first.
 * @throws OciError FILE_INVALID, ARCHIVE_INVALID, LIMIT_EXCEEDED, USAGE
 */
export async function writeLayer(input: LayerInput, writer: ImageWriter, options: LayerOptions): Promise<WrittenLayer> {
  const found = await stat(input.path).catch((error: unknown) => {
    throw fileError(input.path, error);
  });
  if (input.target === undefined && found.isFile()) return takeTar(input.path, writer, options);
  const given = input.target ?? "/";
  const target = found.isDirectory() || !given.endsWith("/") ? given : `${given}${basename(input.path)}`;
  const diff = new Meter();
  const { epoch, owner, signal } = options;
  const tree = {
    // A link that was named is followed; links inside stay links.
    source: await realpath(input.path),
    target,
    epoch,
    ...(owner ? { owner } : {}),
    ...(signal ? { signal } : {}),
  };
  const tar = (): Bytes => packTree(tree);
  const packed = compress(diff.measure(tar()), options.compression, signal);
  const descriptor = await writer.stream(packed, LAYER_TYPES[options.compression]);
  return {
    descriptor,
    diffId: diff.result.digest,
    createdBy: `COPY ${found.isDirectory() ? "." : "file"} ${target}`,
    tar,
  };
}

/** Reads a tar through to its end: form, sizes, caps. */
async function checkTar(path: string, bytes: Bytes, signal: Signal): Promise<void> {
  try {
    for await (const { entry } of readTar(bytes, signal)) {
      if (entry.path.split("/").includes("..")) {
        throw new OciError("ARCHIVE_INVALID", `Invalid tar: ${JSON.stringify(entry.path)} leaves the root`);
      }
    }
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    throw new OciError(error.code, `Cannot take ${JSON.stringify(path)} as a layer: ${error.message}`, {
      cause: error,
      hint: "Without :TARGET a file has to be a tar; write FILE:/path/in/image to pack the file itself",
    });
  }
}

async function firstBytes(path: string): Promise<Uint8Array> {
  for await (const chunk of fileBytes(path, { follow: true })) return chunk.subarray(0, 8);
  return new Uint8Array();
}

async function takeTar(path: string, writer: ImageWriter, options: LayerOptions): Promise<WrittenLayer> {
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const read = (offset = 0): Bytes => fileBytes(path, { offset, follow: true, ...signal });
  const compression = detectCompression(await firstBytes(path));
  const [blob, diff] = [new Meter(), new Meter()];
  await checkTar(path, diff.measure(decompress(blob.measure(read()), compression)), signal);
  const descriptor: Descriptor = { mediaType: LAYER_TYPES[compression], ...blob.result };
  await writer.blob(descriptor, ({ offset = 0 } = {}) => read(offset));
  return {
    descriptor,
    diffId: diff.result.digest,
    createdBy: `ADD ${shortDigest(diff.result.digest)}.tar /`,
    tar: () => decompress(read(), compression),
  };
}
