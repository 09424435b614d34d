import { parsePlatform } from "../spec/platform.ts";
import { matchesPlatform } from "../spec/platform.ts";
import type { DraftStep } from "./draft.ts";
import { toJson } from "../spec/json-edit.ts";
import { type LayerOptions, writeLayer, type WrittenLayer } from "./layer.ts";
import type { LayerInput } from "./layer-input.ts";
import { typeIn } from "../store/media-family.ts";
import { documentFamily } from "./media-family.ts";
import { isJsonObject } from "../spec/json.ts";

/** When a layer without a time of its own was made. */
export const EPOCH = "1970-01-01T00:00:00Z";

/** Adds layers on top; one that names a platform only to images of it. */
export function addLayers(
  inputs: readonly LayerInput[],
  options: LayerOptions & { readonly createdAt?: string },
): DraftStep {
  const written = new Map<LayerInput, WrittenLayer>();
  return async (draft, scope) => {
    const platform = parsePlatform(draft.config, "the image configuration");
    const signal = scope.signal ? { signal: scope.signal } : {};
    let { layers, history } = draft;
    for (const input of inputs) {
      if (input.platform && !matchesPlatform(platform, input.platform)) continue;
      const layer = written.get(input) ?? (await writeLayer(input, scope.writer, { ...options, ...signal }));
      written.set(input, layer);
      const descriptor = {
        ...layer.descriptor,
        mediaType: typeIn(documentFamily(draft.document), layer.descriptor.mediaType),
      };
      const document = toJson(descriptor);
      if (!isJsonObject(document)) continue;
      layers = [...layers, { descriptor, document, diffId: layer.diffId, tar: layer.tar }];
      const line = { created: options.createdAt ?? EPOCH, created_by: layer.createdBy, comment: "berth" };
      history = [...history, line];
    }
    return layers === draft.layers ? draft : { ...draft, layers, history };
  };
}
