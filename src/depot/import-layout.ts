import { readManifest } from "../blobs/directory-manifest.ts";
import type { DirectoryBlobs } from "../blobs/directory.ts";
import type { Disk } from "../disk/disk.ts";
import { isOciError } from "../error/oci-error.ts";
import { IndexFile } from "../names/index-json-file.ts";
import type { Catalog } from "../names/sql-database.ts";
import { type ImportedManifest, type ImportedTag, SqlImport } from "../names/sql-import.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { layoutEntry, type LayoutEntry } from "../spec/layout-index.ts";
import { Annotation } from "../spec/annotation.ts";
import { parseManifest } from "../spec/manifest.ts";
import { isIndexType } from "../spec/media-type.ts";
import { parseDigestTag, referrerDescriptor } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import { manifestEdges } from "../store/successors.ts";

export interface ImportOptions extends Signal {
  readonly disk: Disk;
  readonly blobs: DirectoryBlobs;
}

/**
 * Takes what a layout's index.json names into the catalog: its manifests, what they list and refer to, its tags.
 * What the catalog has already stays as it is, so that an import that was cut short can be done again.
 * @throws OciError LAYOUT_INVALID, IO
 */
export async function importLayout(
  catalog: Catalog,
  repository: number,
  root: string,
  { disk, blobs, signal }: ImportOptions,
): Promise<void> {
  const view = await new IndexFile(disk, root, async () => undefined).load();
  const target = new SqlImport(catalog, repository);
  const seen = new Set<Digest>();
  for (const entry of view.index.entries) {
    const fallback = isFallback(entry);
    if (fallback) seen.add(entry.descriptor.digest);
    for await (const manifest of graphOf(blobs, entry.descriptor, seen, { isFallback: fallback, signal })) {
      await target.addManifest(manifest);
    }
  }
  for (const name of view.tags) {
    const entry = view.named(name);
    if (entry === undefined || (isFallback(entry) && name === entry.descriptor.annotations?.[Annotation.RefName])) {
      continue;
    }
    await target.addTag(tagOf(name, entry));
  }
  for await (const { digest } of blobs.list(signal ? { signal } : {})) await target.addHolding(digest);
  await target.finish();
}

/** The lists of referrers that other tools keep as tags: the manifests in them say it themselves. */
function isFallback({ descriptor }: LayoutEntry): boolean {
  const tag = descriptor.annotations?.[Annotation.RefName];
  return tag !== undefined && isIndexType(descriptor.mediaType) && parseDigestTag(tag)?.suffix === "";
}

function tagOf(name: string, entry: LayoutEntry): ImportedTag {
  const plain = layoutEntry(bareDescriptor(entry.descriptor), { [Annotation.RefName]: name });
  const json = JSON.stringify(entry.json);
  return {
    name,
    descriptor: bareDescriptor(entry.descriptor),
    ...(json === JSON.stringify(plain.json) ? {} : { entry: json }),
  };
}

/** A manifest and those below it, each once; what cannot be read is taken by the word of its entry. */
async function* graphOf(
  blobs: DirectoryBlobs,
  top: Descriptor,
  seen: Set<Digest>,
  options: { readonly isFallback: boolean; readonly signal: AbortSignal | undefined },
): AsyncGenerator<ImportedManifest, void, undefined> {
  const pending: Descriptor[] = [top];
  let isList = options.isFallback;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    options.signal?.throwIfAborted();
    if (seen.has(next.digest) && !isList) continue;
    seen.add(next.digest);
    const imported = await read(blobs, next);
    pending.push(...imported.below);
    if (!isList && (next === top || imported.isHere)) yield imported;
    isList = false;
  }
}

interface ReadManifest extends ImportedManifest {
  readonly isHere: boolean;
  readonly below: readonly Descriptor[];
}

async function read(blobs: DirectoryBlobs, descriptor: Descriptor): Promise<ReadManifest> {
  const bytes = await readManifest(blobs, descriptor.digest);
  const unread = { descriptor: bareDescriptor(descriptor), children: [], below: [], isHere: bytes !== undefined };
  if (bytes === undefined) return unread;
  try {
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const below = manifestEdges(manifest).flatMap((edge) => (edge.role === "child" ? [edge.descriptor] : []));
    return {
      descriptor: referrerDescriptor(manifest, { ...bareDescriptor(descriptor), size: bytes.length }),
      children: below.map(({ digest }) => digest),
      below,
      isHere: true,
      ...(manifest.subject ? { subject: manifest.subject } : {}),
    };
  } catch (error) {
    // Served as it is, as a layout would be.
    if (isOciError(error)) return unread;
    throw error;
  }
}
