import { createHash, randomBytes } from "node:crypto";
import type { Blob } from "./client.ts";

const CHUNK = 1024 * 1024;

/** Incompressible bytes, made faster than a disk takes them: one random block, stamped anew each time. */
export function* noise(size: number, block: Buffer = randomBytes(CHUNK)): Generator<Uint8Array> {
  for (let left = size, at = 0; left > 0; left -= CHUNK, at += 1) {
    block.writeUInt32LE(at, 0);
    yield block.subarray(0, Math.min(left, CHUNK));
  }
}

export interface NoiseBlob extends Blob {
  /** The same bytes each time; no two calls may be read at once. */
  chunks(): AsyncGenerator<Uint8Array>;
}

/** A blob that nobody has seen before, kept as its recipe. */
export function noiseBlob(size: number): NoiseBlob {
  const block = randomBytes(CHUNK);
  const hash = createHash("sha256");
  for (const chunk of noise(size, block)) hash.update(chunk);
  return {
    digest: `sha256:${hash.digest("hex")}`,
    size,
    async *chunks() {
      // Copies: what was handed on may not be sent yet when the next stamp is set.
      for (const chunk of noise(size, block)) yield Buffer.from(chunk);
    },
  };
}
