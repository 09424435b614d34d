import type { Descriptor } from "../spec/descriptor.ts";
import { type Algorithm, algorithmOf, type Digest } from "../spec/digest.ts";
import { isNonDistributable } from "../spec/media-type.ts";
import type { Bytes } from "../bytes/bytes.ts";
import type { Signal } from "../store/content.ts";
import { annotationsOfNewBytes, withNewBytes } from "../store/document-entry.ts";
import { packLayer, requireDiffId } from "../transfer/pack-layer.ts";
import type { Compression } from "../tar/compress.ts";
import { countEdited, editTar, type TarEdit } from "../tar/edit.ts";
import { Meter } from "../tar/measure.ts";
import { type DraftLayer, type DraftStep, replaced, type StepScope } from "./draft.ts";
import { layerTar } from "../store/layer-tar.ts";
import { compressionOf, layerType } from "../store/media-family.ts";

/** What happens to the layers of an image. */
export interface LayerEdit {
  readonly tar?: TarEdit;
  readonly compression?: Compression;
  /** Differs where the edit does: images of one index may ask for different times of a layer that they share. */
  readonly key?: string;
}

/** The content of a layer as a tar. */
export function draftTar(layer: DraftLayer, scope: StepScope): Bytes {
  if (layer.tar) return layer.tar();
  const signal: Signal = scope.signal ? { signal: scope.signal } : {};
  return layerTar(layer.source ?? scope.writer.target, layer.descriptor, signal);
}

/**
 * Rewrites one layer. A layer with nothing to change stays as it is, byte for byte; any other keeps
 * its kind of compression unless another is asked for.
 * @throws OciError DIGEST_INVALID when the layer is not what the configuration's DiffID says,
 *   ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
 */
async function rewriteLayer(layer: DraftLayer, edit: LayerEdit, scope: StepScope): Promise<DraftLayer> {
  const { descriptor } = layer;
  if (isNonDistributable(descriptor.mediaType)) return layer;
  const before = compressionOf(descriptor.mediaType);
  const compression = edit.compression ?? before;
  // The digests say that nothing is missing.
  const reading = { endRequired: false, ...(scope.signal ? { signal: scope.signal } : {}) };
  const read = new Meter();
  const edited = edit.tar ? await countEdited(read.measure(draftTar(layer, scope)), edit.tar, reading) : 0;
  if (edit.tar) requireDiffId(layer, read.result.digest);
  if (edited === 0 && compression === before) return layer;
  const mediaType = layerType(descriptor.mediaType, compression);
  const tar = (): Bytes => {
    const before = draftTar(layer, scope);
    return edit.tar && edited > 0 ? editTar(before, edit.tar, reading) : before;
  };
  const write = (bytes: Bytes): Promise<Descriptor> => scope.writer.stream(bytes, mediaType);
  const { descriptor: written, diffId } = await packLayer(tar(), compression, write, scope);
  if (edited === 0) requireDiffId(layer, diffId);
  const { annotations } = descriptor;
  const to: Descriptor = annotations ? { ...written, annotations: annotationsOfNewBytes(annotations) } : written;
  scope.changes.push({ role: "layer", from: descriptor, to: written });
  return { descriptor: to, document: withNewBytes(layer.document, to), diffId, tar };
}

/**
 * Rewrites the layers of an image. Platforms share layers: each is rewritten once in the life of a step.
 * @param editOf what happens to the layer at a height, 0 the lowest; undefined: nothing
 */
export function rewriteLayers(
  editOf: (at: number, draft: Parameters<DraftStep>[0]) => LayerEdit | undefined,
): DraftStep {
  const known = new Map<string, DraftLayer>();
  return async (draft, scope) => {
    const layers: DraftLayer[] = [];
    for (const [at, layer] of draft.layers.entries()) {
      const edit = editOf(at, draft);
      const key = `${layer.descriptor.digest} ${edit ? `${layer.diffId} ${edit.key ?? ""}` : "kept"}`;
      const done = edit ? (known.get(key) ?? (await rewriteLayer(layer, edit, scope))) : layer;
      known.set(key, done);
      layers.push(done.descriptor.digest === layer.descriptor.digest ? layer : done);
    }
    return layers.every((layer, at) => layer === draft.layers[at]) ? draft : { ...draft, layers };
  };
}

/** Gives layers digests of an algorithm; their content stays. DiffIDs stay as they are. */
export function rehashLayers(algorithm: Algorithm): DraftStep {
  const known = new Map<Digest, Descriptor>();
  return async (draft, scope) => {
    const layers: DraftLayer[] = [];
    for (const layer of draft.layers) {
      const { descriptor, source } = layer;
      if (algorithmOf(descriptor.digest) === algorithm || !source || isNonDistributable(descriptor.mediaType)) {
        layers.push(layer);
        continue;
      }
      const done = known.get(descriptor.digest);
      const to = done ?? { ...descriptor, ...(await scope.writer.rehash(descriptor, source)) };
      if (!done) scope.changes.push({ role: "layer", from: descriptor, to });
      known.set(descriptor.digest, to);
      layers.push({ diffId: layer.diffId, descriptor: to, document: replaced(layer.document, to) });
    }
    return { ...draft, layers };
  };
}
