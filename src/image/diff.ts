import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { JsonObject, JsonValue } from "../spec/json.ts";
import { isJsonObject } from "../spec/json.ts";
import type { ChosenImage } from "./choose-image.ts";
import { diffFiles, type FileDiff, type FileDiffOptions } from "./file-diff.ts";
import { objectField, sameJson } from "../spec/json-edit.ts";

/** One field that differs; absent on the side that does not have it. */
export interface FieldChange {
  /** Such as `config.Env.PATH` or `architecture`. */
  readonly field: string;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

/** Lines or layers that only one side has, and how many both begin with. */
export interface ListDiff<Item> {
  readonly shared: number;
  readonly removed: readonly Item[];
  readonly added: readonly Item[];
}

export interface DiffedLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly diffId?: Digest;
}

export interface ImageDiff {
  readonly before: Descriptor;
  readonly after: Descriptor;
  /** Nothing below differs. */
  readonly same: boolean;
  readonly config: readonly FieldChange[];
  readonly annotations: readonly FieldChange[];
  readonly history: ListDiff<string>;
  readonly layers: ListDiff<DiffedLayer>;
  /** Absent where only the documents were compared. */
  readonly files?: FileDiff;
}

export interface ImageDiffOptions extends FileDiffOptions {
  /** False: documents alone, no layer is read. True by default. */
  readonly files?: boolean;
}

/** A configuration as flat fields: the entries of sets and maps each on their own. */
function fieldsOf(document: JsonObject): Map<string, JsonValue> {
  const fields = new Map<string, JsonValue>();
  const put = (key: string, value: JsonValue | undefined): void => {
    if (value !== undefined && value !== null) fields.set(key, value);
  };
  for (const [key, value] of Object.entries(document)) {
    if (key !== "config" && key !== "rootfs" && key !== "history") put(key, value);
  }
  for (const [key, value] of Object.entries(objectField(document, "config"))) {
    if (key === "Env" && Array.isArray(value)) {
      for (const line of value as readonly JsonValue[]) {
        const [, name = "", text = ""] = /^([^=]*)=?(.*)$/s.exec(typeof line === "string" ? line : "") ?? [];
        put(`config.Env.${name}`, text);
      }
    } else if (isJsonObject(value)) {
      for (const [name, entry] of Object.entries(value)) put(`config.${key}.${name}`, entry);
    } else put(`config.${key}`, value);
  }
  return fields;
}

function diffFields(one: ReadonlyMap<string, JsonValue>, other: ReadonlyMap<string, JsonValue>): FieldChange[] {
  const names = [...new Set([...one.keys(), ...other.keys()])].toSorted();
  return names.flatMap((field): FieldChange[] => {
    const [before, after] = [one.get(field), other.get(field)];
    if (before !== undefined && after !== undefined && sameJson(before, after)) return [];
    return [{ field, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
  });
}

function diffLists<Item>(one: readonly Item[], other: readonly Item[], key: (item: Item) => string): ListDiff<Item> {
  const wrong = one.findIndex((item, at) => other[at] === undefined || key(item) !== key(other[at]));
  const shared = wrong === -1 ? one.length : wrong;
  return { shared, removed: one.slice(shared), added: other.slice(shared) };
}

function layersOf({ manifest, config }: ChosenImage): readonly DiffedLayer[] {
  return manifest.layers.map(({ digest, size }, at) => {
    const diffId = config?.diffIds[at];
    return { digest, size, ...(diffId === undefined ? {} : { diffId }) };
  });
}

function historyOf({ config }: ChosenImage): readonly string[] {
  return (config?.history ?? []).map(({ createdBy, comment }) => createdBy ?? comment ?? "");
}

function changed(list: ListDiff<unknown>): boolean {
  return list.removed.length + list.added.length > 0;
}

/**
 * Compares two images: configuration, annotations, history, layers, and the files that they come to.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED, UNSUPPORTED
 */
export async function diffImages(
  before: ChosenImage,
  after: ChosenImage,
  options: ImageDiffOptions = {},
): Promise<ImageDiff> {
  const annotations = (image: ChosenImage): Map<string, JsonValue> =>
    new Map(Object.entries(image.manifest.annotations ?? {}));
  const documents = {
    config: diffFields(fieldsOf(before.config?.document ?? {}), fieldsOf(after.config?.document ?? {})),
    annotations: diffFields(annotations(before), annotations(after)),
    history: diffLists(historyOf(before), historyOf(after), (line) => line),
    layers: diffLists(layersOf(before), layersOf(after), ({ digest }) => digest),
  };
  const files = options.files === false ? undefined : await diffFiles(before, after, options);
  const same =
    documents.config.length + documents.annotations.length === 0 &&
    !changed(documents.history) &&
    !changed(documents.layers) &&
    (files === undefined || files.added.length + files.removed.length + files.changed.length === 0);
  return { before: before.descriptor, after: after.descriptor, same, ...documents, ...(files ? { files } : {}) };
}
