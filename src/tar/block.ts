/** Everything in a tar comes in blocks of so many bytes. */
export const BLOCK = 512;

/** Bytes up to the next whole block. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
