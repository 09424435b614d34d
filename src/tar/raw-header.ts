import { padding } from "./block.ts";

/** A header block as it stood in the archive, with the body of an extended header. */
export interface RawHeader {
  readonly block: Buffer;
  readonly flag: string;
  /** Of a PAX or GNU long-name header, without its padding. */
  readonly body?: Buffer;
}

/** A header as whole blocks. */
export function blocksOf({ block, body }: Pick<RawHeader, "block" | "body">): Buffer[] {
  return body ? [block, body, Buffer.alloc(padding(body.length))] : [block];
}

/** Flags of headers that speak of the entry after them: PAX, GNU long names. */
export function isExtended(flag: string): boolean {
  return flag === "x" || flag === "g" || flag === "L" || flag === "K";
}
