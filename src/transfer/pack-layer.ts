import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import { compress, type Compression } from "../tar/compress.ts";
import { Meter } from "../tar/measure.ts";

/** A layer that was written, and what it unpacks to. */
export interface PackedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** Compresses a tar and hands it to whoever writes it; the digest of the tar is taken while it passes. */
export async function packLayer(
  tar: Bytes,
  compression: Compression,
  write: (bytes: Bytes) => Promise<Descriptor>,
  { signal }: Signal,
): Promise<PackedLayer> {
  const diff = new Meter();
  const descriptor = await write(compress(diff.measure(tar), compression, signal));
  return { descriptor, diffId: diff.result.digest };
}

/** @throws OciError DIGEST_INVALID when a layer is not what the configuration says */
export function requireDiffId({ descriptor: { digest }, diffId }: PackedLayer, found: Digest): void {
  if (found === diffId) return;
  throw new OciError("DIGEST_INVALID", `Layer ${digest} unpacks to ${found}, but the configuration says ${diffId}`, {
    digest,
    side: "source",
    hint: "The image is damaged or was put together wrongly; fetch it again from its origin",
  });
}
