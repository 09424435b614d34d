import { isOciError } from "../error/oci-error.ts";
import type { Signal } from "../store/content.ts";
import type { Upkeep } from "../store/upkeep.ts";
import { collectRepository, type Removal, type RepositoryReport } from "./collect.ts";
import { judgeClock, readRecord, type RunRecord, thisMoment } from "./run-clock.ts";
import { Throttle } from "./throttle.ts";

/** Milliseconds that content rests before it is removed. */
export const GRACE: number = 60 * 60 * 1000;
/** Under this name the last run is remembered, and a run keeps others out. */
const NAME = "gc";

export interface CollectGarbageOptions extends Signal {
  /** Milliseconds; an hour by default. */
  readonly grace?: number;
  /** Removes manifests that nothing names as well. They are kept by default. */
  readonly untagged?: boolean;
  /** Changes nothing, and reports what would be removed. */
  readonly dryRun?: boolean;
  /** Blobs and manifests looked at in a second; as many as there is time for by default. */
  readonly rate?: number;
  /** Milliseconds to wait for another run that is under way; a minute by default. */
  readonly timeout?: number;
  readonly onEvent?: (event: CollectEvent) => void;
}

export type CollectEvent =
  | Removal
  | { readonly type: "collected"; readonly report: RepositoryReport }
  | { readonly type: "postponed"; readonly milliseconds: number };

/** What was done in all repositories; with a dry run, what would be. */
export interface CollectReport {
  readonly dryRun: boolean;
  readonly repositories: number;
  readonly manifests: number;
  readonly removed: number;
  readonly bytes: number;
  readonly freed: number;
  readonly restored: number;
  readonly uploads: number;
  readonly uploadBytes: number;
  /** Repositories in which nothing was removed, because something in them cannot be read. */
  readonly kept: readonly RepositoryReport[];
  /** Milliseconds for which nothing will be removed, because the clock was set. */
  readonly postponed: number;
}

/**
 * Collects the garbage of a layout or of every repository of a root, one after the other.
 * @throws OciError LOCKED when another run is under way
 */
export async function collectGarbage(upkeep: Upkeep, options: CollectGarbageOptions = {}): Promise<CollectReport> {
  const { dryRun = false, signal } = options;
  if (dryRun) return await collect(upkeep, options);
  const waiting = {
    ...(signal ? { signal } : {}),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  };
  return await upkeep.alone(NAME, () => collect(upkeep, options), waiting);
}

async function collect(upkeep: Upkeep, options: CollectGarbageOptions): Promise<CollectReport> {
  const { grace = GRACE, untagged = false, dryRun = false, signal, onEvent } = options;
  const total = {
    repositories: 0,
    manifests: 0,
    removed: 0,
    bytes: 0,
    freed: 0,
    restored: 0,
    uploads: 0,
    uploadBytes: 0,
  };
  const kept: RepositoryReport[] = [];
  const { wait, record } = judgeClock(readRecord(await upkeep.recall(NAME)), await thisMoment(), grace);
  if (!dryRun) await remember(upkeep, record);
  if (wait > 0) {
    onEvent?.({ type: "postponed", milliseconds: wait });
    return { dryRun, ...total, kept, postponed: wait };
  }
  const throttle = new Throttle({
    ...(options.rate === undefined ? {} : { rate: options.rate }),
    ...(signal ? { signal } : {}),
  });
  const each = { grace, untagged, dryRun, throttle, ...(signal ? { signal } : {}), ...(onEvent ? { onEvent } : {}) };
  for await (const repository of upkeep.repositories(signal ? { signal } : {})) {
    const report = await collectRepository(repository, each);
    total.repositories += 1;
    total.manifests += report.manifests;
    total.removed += report.removed;
    total.bytes += report.bytes;
    total.freed += report.freed;
    total.restored += report.restored;
    total.uploads += report.uploads;
    total.uploadBytes += report.uploadBytes;
    if (report.unreadable.length > 0) kept.push(report);
    onEvent?.({ type: "collected", report });
  }
  return { dryRun, ...total, kept, postponed: 0 };
}

/** On a full disk garbage has to be collected all the same: the next run knows less of the clock then. */
async function remember(upkeep: Upkeep, record: RunRecord): Promise<void> {
  try {
    await upkeep.record(NAME, { ...record });
  } catch (error) {
    if (!isOciError(error, "NO_SPACE")) throw error;
  }
}
