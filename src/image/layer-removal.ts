import { OciError } from "../error/oci-error.ts";
import { isJsonObject } from "../spec/json.ts";
import { type DraftStep, historyOfLayers, type ImageDraft } from "./draft.ts";

/** Which layers go. */
export interface LayerRemoval {
  /** 0 is the lowest. */
  readonly indexes?: readonly number[];
  /** What the history's line of the layer fits to. */
  readonly createdBy?: readonly RegExp[];
}

function chosen(draft: ImageDraft, removal: LayerRemoval): Set<number> {
  const indexes = new Set(removal.indexes);
  for (const index of indexes) {
    if (draft.layers[index]) continue;
    throw new OciError("USAGE", `There is no layer ${index}: the image has ${draft.layers.length}, the lowest is 0`);
  }
  for (const pattern of removal.createdBy ?? []) {
    const found = madeBy(draft, pattern);
    if (found.length === 0) throw new OciError("USAGE", `No layer of the image was created by ${pattern.source}`);
    for (const index of found) indexes.add(index);
  }
  return indexes;
}

function madeBy(draft: ImageDraft, pattern: RegExp): number[] {
  const lines = historyOfLayers(draft);
  if (!lines) {
    throw new OciError("UNSUPPORTED", "The image's history does not tell what made its layers: give their numbers");
  }
  return lines.flatMap((line, at) => {
    const entry = draft.history[line];
    const createdBy = isJsonObject(entry) ? entry["created_by"] : undefined;
    return typeof createdBy === "string" && pattern.test(createdBy) ? [at] : [];
  });
}

/** Takes layers away, with their lines of the history. @throws OciError USAGE, UNSUPPORTED */
export function removeLayers(removal: LayerRemoval): DraftStep {
  return (draft) => {
    const gone = chosen(draft, removal);
    if (gone.size === 0) return draft;
    const lines = historyOfLayers(draft);
    const goneLines = new Set([...gone].map((at) => lines?.[at]));
    return {
      ...draft,
      layers: draft.layers.filter((_layer, at) => !gone.has(at)),
      history: draft.history.filter((_line, at) => !goneLines.has(at)),
    };
  };
}
