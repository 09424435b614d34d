import { Digester } from "../bytes/hash.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import { scanBlob } from "../store/layer-tar.ts";
import type { Source } from "../store/store.ts";
import type { TarEntry, TarEntryType } from "../tar/entry.ts";
import type { ContentSink } from "../tar/scan.ts";

/** One file of a layer, as far as a comparison goes: times are left out. */
export interface ListedFile {
  readonly path: string;
  readonly type: TarEntryType;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Of a file's content. */
  readonly digest?: Digest;
  readonly linkPath?: string;
}

/**
 * Lists what a layer holds, by path: of two entries for one path the last counts, as when it is unpacked.
 * @param blob the tar, compressed or not, whatever its type says
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export async function listLayer(
  source: Pick<Source, "fetch" | "location">,
  blob: Descriptor,
  signal: Signal,
): Promise<ReadonlyMap<string, ListedFile>> {
  const files = new Map<string, ListedFile>();
  let finish: () => void = () => undefined;
  const take = (entry: TarEntry): ContentSink | undefined => {
    finish();
    finish = () => undefined;
    const file = listed(entry);
    if (!files.has(file.path) && files.size >= Limits.folderEntries) {
      throw new OciError("LIMIT_EXCEEDED", `The layer has more than ${Limits.folderEntries} files`);
    }
    if (entry.type !== "file") {
      files.set(file.path, file);
      return undefined;
    }
    const digester = new Digester();
    finish = () => files.set(file.path, { ...file, digest: digester.digest() });
    return (chunk) => digester.update(chunk);
  };
  await scanBlob(source, blob, take, signal);
  finish();
  return files;
}

function listed({ path, type, mode, uid, gid, size, linkPath }: TarEntry): ListedFile {
  const clean = path.replace(/^\.\//, "");
  // A symbolic link has no permissions of its own; what the field says differs from tool to tool.
  const bits = type === "symlink" ? 0o777 : mode;
  return { path: clean, type, mode: bits, uid, gid, size, ...(linkPath === undefined ? {} : { linkPath }) };
}
