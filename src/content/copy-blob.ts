import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "../store/content.ts";
import type { Source, Store } from "../store/store.ts";

export interface CopyBlobOptions extends Signal {
  readonly source: Source;
  readonly target: Store;
}

/** How a blob got there: it was there, it was mounted or linked without moving, or its bytes were sent. */
export type CopiedBlob = "existed" | "mounted" | "sent";

/**
 * Copies one blob, without moving its bytes where both lie in one registry or on one disk.
 * @throws OciError BLOB_UNKNOWN, DIGEST_INVALID, SIZE_INVALID
 */
export async function copyBlob(descriptor: Descriptor, options: CopyBlobOptions): Promise<CopiedBlob> {
  const { source, target } = options;
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  if (await target.exists(descriptor, { kind: "blob", ...signal })) return "existed";
  const mounted = await target.mount?.(descriptor, source.location, signal);
  if (mounted === "mounted") return "mounted";
  if (mounted) await mounted.abort();
  const pushed = await target.push(
    descriptor,
    (from) => source.fetch(descriptor, { kind: "blob", offset: from?.offset ?? 0, ...signal }),
    { kind: "blob", absent: true, ...signal },
  );
  return pushed.existed ? "existed" : "sent";
}
