/** Everything in a tar comes in blocks of so many bytes. */
export const BLOCK = 512;

const ZEROS = Buffer.alloc(64 * 1024);

/** Whether there is nothing but zeros; a stranger may send gigabytes of them. */
export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (Buffer.compare(part, ZEROS.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

/** Bytes up to the next whole block. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Zeros accepted behind the end of a tar: tapes are padded to whole records, and those are never this long. */
export const MAX_TRAILER: number = 64 * 1024 * 1024;
