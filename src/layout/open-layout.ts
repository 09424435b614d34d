import { resolve } from "node:path";
import { DirectoryBlobs } from "../blobs/directory.ts";
import { readManifest, writeManifest } from "../blobs/manifest.ts";
import { hasMarker, makeLayout } from "../blobs/directory-marker.ts";
import type { Disk } from "../disk/disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { OciError } from "../error/oci-error.ts";
import { IndexJsonNames } from "../names/index-json.ts";
import type { ManifestBytes } from "../names/index-json-facts.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "../store/content.ts";
import { decorate } from "../store/decorate.ts";
import { repository } from "../store/repository.ts";
import type { Location, Store } from "../store/store.ts";

export interface LayoutOptions extends Signal {
  /** Makes the layout where there is none: true at once, "lazy" with the first write. False by default. */
  readonly create?: boolean | "lazy";
  /** Makes it also of a directory that holds other things. */
  readonly mayHoldMore?: boolean;
  /** Refuses to write. */
  readonly readOnly?: boolean;
  readonly disk?: Disk;
  /** Milliseconds to wait for other processes that write; 60,000 by default. */
  readonly lockTimeout?: number;
  /** Milliseconds after which a lease on content is renewed, a small part of the grace of garbage collection. A quarter of an hour by default. */
  readonly leaseAge?: number;
}

/**
 * Opens an OCI image layout: a directory with oci-layout, index.json and blobs
 * (image-spec image-layout.md). Reading writes nothing and needs no right to write.
 * Any number of processes may read and write it at once.
 * @throws OciError NAME_UNKNOWN where there is none, LAYOUT_INVALID, IO
 */
export async function openLayout(path: string, options: LayoutOptions = {}): Promise<Store> {
  const root = resolve(path);
  const disk = options.disk ?? nodeDisk;
  options.signal?.throwIfAborted();
  if (!(await hasMarker(disk, root))) {
    if (!options.create) throw await notALayout(disk, root, path);
    if (options.create === true && !options.readOnly) await makeLayout(disk, root, options);
  }
  return layoutStore(root, disk, options);
}

async function notALayout(disk: Disk, root: string, path: string): Promise<OciError> {
  const found = await disk.lstat(root);
  const shown = JSON.stringify(path);
  if (found === undefined) {
    return new OciError("NAME_UNKNOWN", `There is no layout at ${shown}: the directory does not exist`, {
      hint: "Check the path: a layout is a directory with an oci-layout file",
    });
  }
  if (found.type === "file" || found.type === "other") {
    return new OciError("LAYOUT_INVALID", `There is no layout at ${shown}: it is not a directory`, {
      hint: "A layout in a tar is written oci-archive:FILE",
    });
  }
  return new OciError("NAME_UNKNOWN", `There is no layout at ${shown}: the directory has no oci-layout file`, {
    hint: "Check the path: a layout is a directory with an oci-layout file",
  });
}

function layoutStore(root: string, disk: Disk, options: LayoutOptions): Store {
  let prepared: Promise<void> | undefined;
  const prepare = async (): Promise<void> => {
    if (options.readOnly) {
      throw new OciError("UNSUPPORTED", `The layout ${JSON.stringify(root)} was opened for reading only`);
    }
    prepared ??= makeLayout(disk, root, { mayHoldMore: options.mayHoldMore === true }).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    await prepared;
  };
  const onAbsent = async (): Promise<void> => {
    if (options.create && !(await hasMarker(disk, root))) return;
    throw new OciError("LAYOUT_INVALID", `The layout ${JSON.stringify(root)} has no index.json`);
  };
  const blobs = new DirectoryBlobs(root, {
    disk,
    prepare,
    readOnly: options.readOnly === true,
    ...(options.leaseAge === undefined ? {} : { leaseAge: options.leaseAge }),
  });
  const names = new IndexJsonNames(root, {
    disk,
    prepare,
    onAbsent,
    bytes: manifestBytes(blobs),
    ...(options.lockTimeout === undefined ? {} : { lockTimeout: options.lockTimeout }),
  });
  const inner = repository(blobs, names, { location: { medium: "layout", path: root }, unlisted: true });
  const mount = async (descriptor: Descriptor, from?: Location, signal: Signal = {}): Promise<"mounted" | false> => {
    if (from?.medium !== "layout" || from.path === root) return false;
    const source = new DirectoryBlobs(from.path, { disk });
    return (await blobs.link(descriptor.digest, source, signal)) ? "mounted" : false;
  };
  return decorate(inner, { mount });
}

/** Lets the names read and write manifests among the blobs. */
export function manifestBytes(blobs: DirectoryBlobs): ManifestBytes {
  return {
    read: (digest, options) => readManifest(blobs, digest, options),
    write: (bytes, mediaType) => writeManifest(blobs, bytes, mediaType),
    async discard(digest) {
      try {
        await blobs.remove(digest);
      } catch {
        // It is unnamed already; what is left of it is an orphan that fsck lists.
      }
    },
  };
}
