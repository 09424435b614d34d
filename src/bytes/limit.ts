import { OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import type { Bytes } from "./bytes.ts";

/**
 * Passes a stream through and stops at the first byte beyond the promised size, or between two
 * chunks once the signal is aborted.
 * @throws OciError SIZE_INVALID
 */
export async function* limit(
  bytes: Bytes,
  promised: { readonly digest: Digest; readonly size: number },
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let total = 0;
  for await (const chunk of bytes) {
    signal?.throwIfAborted();
    total += chunk.length;
    if (total > promised.size) {
      throw new OciError("SIZE_INVALID", `${promised.digest} should have ${promised.size} bytes, got more`, {
        digest: promised.digest,
      });
    }
    yield chunk;
  }
}
