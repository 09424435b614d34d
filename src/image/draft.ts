import type { Bytes } from "../bytes/bytes.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { arrayField, objectField, sameJson, withFields } from "../spec/json-edit.ts";
import { pointedAt } from "../store/document-entry.ts";
import type { NodeChange } from "./node-change.ts";
import type { ImageWriter } from "./writer.ts";

/** A layer of an image that is being changed. */
export interface DraftLayer {
  readonly descriptor: Descriptor;
  /** The descriptor as it stands in the manifest, fields unknown to berth included. */
  readonly document: JsonObject;
  readonly diffId: Digest;
  /** Where its content is; absent once it is at the target. */
  readonly source?: Source;
  /** Makes the tar of a layer that was written just now once more: nothing is read back, and a dry run has nothing to read. */
  readonly tar?: () => Bytes;
}

/** An image that is being changed: its documents, and its layers with what belongs to them. */
export interface ImageDraft {
  /** The manifest; `config` and `layers` in it are those of before. */
  readonly document: JsonObject;
  /** The configuration; `rootfs` and `history` in it are those of before. */
  readonly config: JsonObject;
  readonly configType: string;
  readonly layers: readonly DraftLayer[];
  readonly history: readonly JsonValue[];
}

/** What a step works with. */
export interface StepScope extends Signal {
  readonly writer: ImageWriter;
  /** Gets what was replaced. */
  readonly changes: NodeChange[];
}

/** One change of an image. A step that has nothing to change returns the draft it got. */
export type DraftStep = (draft: ImageDraft, scope: StepScope) => Promise<ImageDraft> | ImageDraft;

function makesLayer(line: JsonValue): boolean {
  return !isJsonObject(line) || line["empty_layer"] !== true;
}

/**
 * Which line of the history made each layer; undefined where the history has not as many lines
 * with layers as there are layers, so that nobody can say.
 */
export function historyOfLayers(draft: Pick<ImageDraft, "history" | "layers">): readonly number[] | undefined {
  const lines = draft.history.flatMap((line, at) => (makesLayer(line) ? [at] : []));
  return lines.length === draft.layers.length ? lines : undefined;
}

/** How many lines of the history it takes to the line of the layer below a height, that one included. */
export function historyBelow(draft: Pick<ImageDraft, "history">, count: number): number {
  let left = count;
  for (const [at, line] of draft.history.entries()) {
    if (left === 0) return at;
    if (makesLayer(line)) left -= 1;
  }
  return draft.history.length;
}

/** A descriptor that points at other content; what it says beside that stays, inlined content and old addresses go. */
export function replaced(object: JsonObject, to: Descriptor): JsonObject {
  return withFields(pointedAt(object, to), { urls: undefined });
}

/** The configuration with the layers and the history that the draft has now. */
export function configDocument(draft: ImageDraft): JsonObject {
  const rootfs = objectField(draft.config, "rootfs");
  const ids = draft.layers.map(({ diffId }) => diffId);
  const same = sameJson(arrayField(rootfs, "diff_ids"), ids);
  const known = arrayField(draft.config, "history");
  return withFields(draft.config, {
    ...(same ? {} : { rootfs: withFields(rootfs, { type: "layers", diff_ids: ids }) }),
    ...(known === draft.history || (known.length === 0 && draft.history.length === 0)
      ? {}
      : { history: draft.history }),
  });
}
