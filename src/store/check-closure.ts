import { setImmediate } from "node:timers/promises";
import { OciError } from "../error/oci-error.ts";
import { isNonDistributable } from "../spec/media-type.ts";
import type { Blobs } from "./blobs.ts";
import type { PushOptions } from "./store.ts";
import type { Edge } from "./successors.ts";

/** Edges of a manifest looked at without a pause. */
const TURN = 512;

/** Takes a lease on all that the manifest names, and refuses it where a config or layer is missing. */
export async function checkClosure(
  blobs: Pick<Blobs, "stat">,
  edges: readonly Edge[],
  options: PushOptions,
): Promise<void> {
  for (const [at, { role, kind, descriptor }] of edges.entries()) {
    if (role === "subject") continue;
    // An index may list tens of thousands; others have their turn in between.
    if (at % TURN === TURN - 1) await setImmediate();
    const found = await blobs.stat(descriptor.digest, { ...options, lease: true });
    if (kind !== "blob" || options.closed === false || isNonDistributable(descriptor.mediaType)) continue;
    if (!found) {
      throw new OciError(
        "MANIFEST_BLOB_UNKNOWN",
        `The manifest names ${role} ${descriptor.digest}, which is not here`,
        {
          digest: descriptor.digest,
          detail: { digest: descriptor.digest },
        },
      );
    }
    if (found.size !== descriptor.size) {
      throw new OciError(
        "SIZE_INVALID",
        `The manifest gives ${role} ${descriptor.digest} ${descriptor.size} bytes, it has ${found.size}`,
        { digest: descriptor.digest, detail: { digest: descriptor.digest } },
      );
    }
  }
}
