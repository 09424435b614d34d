import { collect } from "../bytes/collect.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { prettyJson, textDiff } from "./text-diff.ts";

/** One of two that are compared. */
export interface DiffSide {
  readonly source: Pick<Source, "fetch" | "location">;
  readonly descriptor: Descriptor;
  /** What the diff calls it. */
  readonly name: string;
}

export interface DiffOptions extends Signal {
  /** Equal lines around each difference; 3 by default. */
  readonly context?: number;
}

/** How two contents differ. */
export interface ContentDiff {
  /** Byte for byte. */
  readonly same: boolean;
  /** A unified diff; empty where they say the same, perhaps in other bytes. */
  readonly diff: string;
}

/**
 * Compares two manifests as indented JSON.
 * @throws OciError MANIFEST_INVALID where one is no JSON, LIMIT_EXCEEDED
 */
export async function diffManifests(one: DiffSide, other: DiffSide, options: DiffOptions = {}): Promise<ContentDiff> {
  const signal: Signal = options.signal ? { signal: options.signal } : {};
  const read = async ({ source, descriptor, name }: DiffSide): Promise<{ name: string; text: string }> => {
    const bytes = await collect(source.fetch(descriptor, signal), Limits.manifest, `manifest ${descriptor.digest}`);
    return { name, text: prettyJson(parseJson(bytes, "manifest")) };
  };
  const same = one.descriptor.digest === other.descriptor.digest;
  return { same, diff: await textDiff(await read(one), await read(other), options.context) };
}
