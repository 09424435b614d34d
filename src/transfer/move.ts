import { fromBuffer, type Bytes } from "../bytes/bytes.ts";
import { isOciError, OciError, withContext } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import type { ManifestReader } from "../graph/manifest-reader.ts";
import type { Action, ContentStep } from "../graph/step.ts";
import type { Signal } from "../store/content.ts";
import type { FetchExternal } from "../store/external.ts";
import type { Source, Store } from "../store/store.ts";
import type { OnTransferEvent } from "./event.ts";

export interface Route extends Signal {
  readonly source: Source;
  readonly target: Store;
  readonly reader: ManifestReader;
  readonly onEvent?: OnTransferEvent;
  readonly external?: FetchExternal;
  /** The indexes that are copied are not whole: a target that refuses one gets a better word. */
  readonly without?: ReadonlySet<Digest>;
}

export interface Moved {
  /** What was done in the end: a mount may have become a push, a push may have found it there. */
  readonly action: Action;
  readonly subjectHandled: boolean;
}

/**
 * Brings one node over.
 * @param tags of a manifest, which it gets with the same request
 * @throws OciError with side "source" or "target"
 */
export async function move(step: ContentStep, route: Route, tags: readonly string[] = []): Promise<Moved> {
  return step.kind === "manifest" ? moveManifest(step, route, tags) : moveBlob(step, route);
}

async function moveManifest({ descriptor }: ContentStep, route: Route, tags: readonly string[]): Promise<Moved> {
  const { target, reader, signal } = route;
  const bytes = await from("source", reader.read(descriptor, signalOf(signal)));
  const pushed = await from(
    "target",
    explained(
      route,
      target.push(descriptor, (options) => fromBuffer(bytes.subarray(options?.offset ?? 0)), {
        kind: "manifest",
        listed: false,
        absent: true,
        tags,
        ...signalOf(signal),
      }),
    ),
  );
  route.onEvent?.({ type: "progress", descriptor, bytes: descriptor.size });
  return { action: pushed.existed ? "skip" : "push", subjectHandled: pushed.subjectHandled };
}

async function explained<T>({ without }: Route, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const sparse = without !== undefined && without.size > 0;
    if (!sparse || !isOciError(error, "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN")) throw error;
    throw new OciError(error.code, error.message, {
      ...error.context,
      cause: error,
      hint: "This target takes no index without all that it names; make one of what is copied: --sparse strip",
    });
  }
}

async function moveBlob(step: ContentStep, route: Route): Promise<Moved> {
  const { target, signal } = route;
  const { descriptor } = step;
  if (step.action !== "push" && target.mount) {
    const mounted = await from("target", target.mount(descriptor, route.source.location, signalOf(signal)));
    if (mounted === "mounted") return { action: step.action, subjectHandled: false };
    // The other side opened an upload instead; a push opens its own, where it can also go on after a break.
    if (mounted) await mounted.abort();
  }
  // The target checks size and digest, as every registry must; hashing here as well would be the second time.
  // What goes to a registry is on the wire, and what goes to a layout in its file, before the second chunk after it is asked for.
  const lent = target.location.medium === "registry" || target.location.medium === "layout";
  const read = (options?: { readonly offset?: number }): Bytes =>
    tagged(contentOf(step, route, { lent, offset: options?.offset ?? 0, ...signalOf(signal) }), (bytes) =>
      route.onEvent?.({ type: "progress", descriptor, bytes }),
    );
  try {
    const pushed = await target.push(descriptor, read, {
      kind: "blob",
      absent: step.unasked !== true,
      ...signalOf(signal),
    });
    return { action: pushed.existed ? "skip" : "push", subjectHandled: false };
  } catch (error) {
    if (isOciError(error, "DIGEST_INVALID")) await blameSource(step, route);
    throw withContext(error, { side: "target" });
  }
}

/** The target refused the bytes: reads them again, checked, to find out whether the source is what is damaged. */
async function blameSource(step: ContentStep, { source, signal }: Route): Promise<void> {
  if (step.fetched) return;
  const checked = source.fetch(step.descriptor, { kind: "blob", ...signalOf(signal) });
  await from("source", drain(checked));
}

function contentOf(
  { descriptor, external = [], fetched }: ContentStep,
  { source, external: fetchExternal }: Route,
  options: Signal & { readonly offset: number; readonly lent: boolean },
): Bytes {
  if (fetched && fetchExternal) return fetchExternal(descriptor, external, options);
  return source.fetch(descriptor, { kind: "blob", verify: false, ...options });
}

async function drain(bytes: Bytes): Promise<void> {
  for await (const _chunk of bytes);
}

/** Counts what passes, and says of its errors that they are the source's. */
async function* tagged(bytes: Bytes, count: (bytes: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of bytes) {
      count(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw withContext(error, { side: "source" });
  }
}

async function from<T>(side: "source" | "target", work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof OciError) throw withContext(error, { side });
    throw error;
  }
}

function signalOf(signal: AbortSignal | undefined): Signal {
  return signal ? { signal } : {};
}
