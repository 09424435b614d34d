import type { Descriptor } from "../spec/descriptor.ts";
import type { Manifest } from "../spec/manifest.ts";
import { parseManifest } from "../spec/manifest.ts";
import type { Kind } from "./store.ts";

export type Role = "config" | "layer" | "blob" | "child" | "subject";

/** One edge of the graph, from a manifest to what it names. */
export interface Edge {
  readonly role: Role;
  readonly kind: Kind;
  readonly descriptor: Descriptor;
}

/** The media types under which BuildKit and others list layers and configs in an index. */
const BLOB_IN_INDEX =
  /^application\/vnd\.(?:oci\.image\.(?:layer|config)\.|docker\.(?:image\.rootfs\.|container\.image\.)|buildkit\.cacheconfig\.)/;

/**
 * The edges of a manifest: what has to be there for it to be whole, and the subject it
 * hangs on. This is the only place that knows which fields of which type hold descriptors.
 * @throws OciError MANIFEST_INVALID, DIGEST_INVALID
 */
export function successors(parent: Descriptor, bytes: Uint8Array): readonly Edge[] {
  return manifestEdges(parseManifest(bytes, parent.mediaType));
}

/** The same of a manifest that is parsed already. */
export function manifestEdges(manifest: Manifest): readonly Edge[] {
  const edges: Edge[] = [];
  switch (manifest.form) {
    case "image":
      edges.push({ role: "config", kind: "blob", descriptor: manifest.config });
      for (const layer of manifest.layers) edges.push({ role: "layer", kind: "blob", descriptor: layer });
      break;
    case "index":
      for (const child of manifest.manifests) {
        edges.push(
          BLOB_IN_INDEX.test(child.mediaType)
            ? { role: "layer", kind: "blob", descriptor: child }
            : { role: "child", kind: "manifest", descriptor: child },
        );
      }
      break;
    case "artifact":
      for (const blob of manifest.blobs) edges.push({ role: "blob", kind: "blob", descriptor: blob });
      break;
    case "opaque":
      break;
  }
  if (manifest.subject) edges.push({ role: "subject", kind: "manifest", descriptor: manifest.subject });
  return edges;
}
