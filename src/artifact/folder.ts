import { OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import type { Part } from "./file.ts";

/** A folder packed as a layer. */
export interface FolderPart extends Part, AsyncDisposable {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
}

/** @throws OciError UNSUPPORTED */
export function folderPart(path: string, _title: string, _mediaType: string, _options: Signal): Promise<FolderPart> {
  return Promise.reject(new OciError("UNSUPPORTED", `Cannot pack the directory ${path}`));
}
