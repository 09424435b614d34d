import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { computableAlgorithm } from "../spec/digest.ts";
import type { Bytes } from "./bytes.ts";
import { Digester, digestOf } from "./hash.ts";

function wrongSize(descriptor: Descriptor, got: string): OciError {
  return new OciError("SIZE_INVALID", `${descriptor.digest} should have ${descriptor.size} bytes, got ${got}`, {
    digest: descriptor.digest,
  });
}

function wrongDigest(descriptor: Descriptor, got: string): OciError {
  return new OciError("DIGEST_INVALID", `The content of ${descriptor.digest} has the digest ${got}`, {
    digest: descriptor.digest,
    hint: "It was damaged or replaced on the way; fetch it again from its origin",
  });
}

/**
 * Passes a stream through and checks size and digest. It stops at the first
 * byte too many, and the last chunk is held back until the digest is known to
 * be right, so that no consumer ever sees a whole but wrong content.
 * @throws OciError SIZE_INVALID, DIGEST_INVALID
 */
export async function* verify(bytes: Bytes, descriptor: Descriptor): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = new Digester(computableAlgorithm(descriptor.digest));
  let held: Uint8Array | undefined;
  for await (const chunk of bytes) {
    digester.update(chunk);
    if (digester.size > descriptor.size) throw wrongSize(descriptor, "more");
    if (held) yield held;
    held = chunk;
  }
  if (digester.size !== descriptor.size) throw wrongSize(descriptor, `${digester.size}`);
  const actual = digester.digest();
  if (actual !== descriptor.digest) throw wrongDigest(descriptor, actual);
  if (held) yield held;
}

/**
 * Checks a buffer against its descriptor.
 * @throws OciError SIZE_INVALID, DIGEST_INVALID
 */
export function verifyBuffer(bytes: Uint8Array, descriptor: Descriptor): Uint8Array {
  if (bytes.length !== descriptor.size) throw wrongSize(descriptor, `${bytes.length}`);
  const actual = digestOf(bytes, computableAlgorithm(descriptor.digest));
  if (actual !== descriptor.digest) throw wrongDigest(descriptor, actual);
  return bytes;
}
