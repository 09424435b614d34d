import type { Bytes } from "../bytes/bytes.ts";
import { type TreeOptions, treeEntries } from "./tree.ts";
import { writeTar } from "./write.ts";

/**
 * Packs a folder or a file into a tar: the same tree gives the same bytes, on every machine.
 * @throws OciError FILE_INVALID, USAGE
 */
export function packTree(options: TreeOptions): Bytes {
  return writeTar(treeEntries(options));
}
