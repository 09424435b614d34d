import { fromBuffer, type Bytes } from "../bytes/bytes.ts";
import type { Span } from "../blobs/file-span.ts";
import { readArchiveSpan } from "../blobs/tar-content.ts";
import { algorithmOf, type Digest, encodedOf } from "../spec/digest.ts";
import { encodeJson } from "../spec/json.ts";
import { encodeLayoutIndex, type LayoutIndex } from "../spec/layout-index.ts";
import type { Blobs } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import type { TarEntry } from "../tar/entry.ts";
import { tarEnd, writeTarEntry } from "../tar/write.ts";
import { type ArchiveEntries, digestOfPath, endOf } from "./entries.ts";

/** What an archive is made of. */
export interface Contents {
  /** The archive before; what is not written anew stays as it is, byte for byte. */
  readonly before: ArchiveEntries | undefined;
  readonly index: LayoutIndex;
  /** For `docker load`; undefined: none is written, and one that was there would lie. */
  readonly manifestJson: Uint8Array | undefined;
  /** Blobs that are not in the archive before, or are better. */
  readonly fresh: readonly { readonly digest: Digest; readonly size: number }[];
  readonly removed: ReadonlySet<Digest>;
  /** Where the fresh ones are read. */
  readonly blobs: Blobs;
}

/** An entry of a written archive: the same for everybody who writes it. */
export function archiveEntry(path: string, type: "file" | "directory", size: number): TarEntry {
  const mode = type === "file" ? 0o644 : 0o755;
  return { path, type, mode, size, uid: 0, gid: 0, userName: "", groupName: "", modifiedAt: 0 };
}

/** A whole small file as an entry. */
export function writeSmall(path: string, bytes: Uint8Array): Bytes {
  return writeTarEntry({ entry: archiveEntry(path, "file", bytes.length), content: () => fromBuffer(bytes) });
}

/** Written anew each time, so what was there goes; `repositories` says the same as manifest.json. */
const REPLACED: ReadonlySet<string> = new Set(["index.json", "manifest.json", "repositories"]);

/** Parts of the archive before that stay, neighbours as one. */
function keptSpans({ before, fresh, removed }: Contents): Span[] {
  const gone = new Set<Digest>([...removed, ...fresh.map(({ digest }) => digest)]);
  const spans: { start: number; end: number }[] = [];
  for (const entry of before?.all ?? []) {
    const digest = digestOfPath(entry.path);
    if (REPLACED.has(entry.path) || (digest !== undefined && gone.has(digest))) continue;
    const last = spans.at(-1);
    if (last?.end === entry.start) last.end = endOf(entry);
    else spans.push({ start: entry.start, end: endOf(entry) });
  }
  return spans;
}

/** The tar of a layout (image-spec image-layout.md). It depends on its contents alone, not on when it is written. */
export async function* packLayout(contents: Contents, options: Signal = {}): Bytes {
  const { before, index, manifestJson, blobs } = contents;
  if (!before?.byPath.has("oci-layout")) {
    yield* writeSmall("oci-layout", encodeJson({ imageLayoutVersion: "1.0.0" }));
  }
  yield* writeSmall("index.json", encodeLayoutIndex(index));
  if (manifestJson) yield* writeSmall("manifest.json", manifestJson);
  for (const span of keptSpans(contents)) {
    if (before) yield* readArchiveSpan(before.archive.file, span, { lent: true, signal: options.signal });
  }
  const fresh = contents.fresh.toSorted((left, right) => (left.digest < right.digest ? -1 : 1));
  const folders = new Set(fresh.map(({ digest }) => `blobs/${algorithmOf(digest)}`));
  for (const folder of ["blobs", ...folders]) {
    if (before?.byPath.has(folder)) continue;
    yield* writeTarEntry({ entry: archiveEntry(folder, "directory", 0) });
  }
  for (const { digest, size } of fresh) {
    await using content = await blobs.open(digest, options);
    yield* writeTarEntry({
      entry: archiveEntry(`blobs/${algorithmOf(digest)}/${encodedOf(digest)}`, "file", size),
      content: () => content.bytes({ lent: true }),
    });
  }
  yield tarEnd();
}
