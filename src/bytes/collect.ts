import { OciError } from "../error/oci-error.ts";
import type { Bytes } from "./bytes.ts";

/**
 * Holds a whole stream in memory, up to a cap.
 * @throws OciError LIMIT_EXCEEDED once more than `limit` bytes came; the source is closed
 */
export async function collect(bytes: Bytes, limit: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of bytes) {
    total += chunk.length;
    if (total > limit) {
      throw new OciError("LIMIT_EXCEEDED", `The ${what} is larger than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  const [first] = chunks;
  return chunks.length === 1 && first ? first : Buffer.concat(chunks, total);
}
