import { Annotation } from "../spec/annotation.ts";
import type { Digest } from "../spec/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { isIndexType } from "../spec/media-type.ts";
import { withReference } from "../store/document-entry.ts";
import type { Source } from "../store/store.ts";
import { refuseDockerAnnotations, setOrRemove } from "./annotation-change.ts";
import { withData } from "./descriptor-data.ts";
import type { ImageChange } from "./image-change.ts";
import { arrayField, objectField, withFields, withObjectField } from "../spec/json-edit.ts";
import { convertDocument } from "./media-family.ts";
import { clampAnnotations } from "./time-rule.ts";
import type { ImageWriter } from "./writer.ts";

/** What an index needs to know of the images below it. */
export interface IndexChildren {
  readonly entries: readonly JsonValue[];
  /** Old digest to new. */
  readonly renamed: ReadonlyMap<string, Digest>;
  /** The annotations of each image's manifest, by its digest now. */
  readonly annotations: ReadonlyMap<string, JsonObject>;
}

/** Whether an entry of an index is one of BuildKit's attestations, the kind that berth knows. */
export function isStatement(entry: JsonObject): boolean {
  return objectField(entry, "annotations")[Annotation.DockerReferenceType] === "attestation-manifest";
}

/** What all of them say alike. */
function shared(annotations: readonly JsonObject[]): JsonObject {
  const [first, ...rest] = annotations;
  if (!first) return {};
  const pairs = Object.entries(first).filter(([key, value]) => rest.every((other) => other[key] === value));
  return Object.fromEntries(pairs);
}

/**
 * The document of an index with changed children.
 * @throws OciError UNSUPPORTED: Docker's manifest lists have no annotations
 */
export async function editIndex(
  document: JsonObject,
  mediaType: string,
  children: IndexChildren,
  options: ImageChange & { readonly writer: ImageWriter; readonly source: Source },
): Promise<JsonObject> {
  const { annotations, timeMax, mediaTypes, promoteAnnotations, dataMax } = options;
  const entries: JsonValue[] = [];
  for (const entry of children.entries) {
    const linked = isJsonObject(entry) ? withReference(entry, children.renamed) : entry;
    entries.push(
      dataMax !== undefined && isJsonObject(linked) ? await withData(linked, "manifest", dataMax, options) : linked,
    );
  }
  const promoted = promoteAnnotations === true ? shared(imageAnnotations(children)) : {};
  const listed = withFields(document, { manifests: entries });
  const converted = mediaTypes ? convertDocument(listed, mediaType, mediaTypes) : listed;
  const now = converted["mediaType"];
  refuseDockerAnnotations(typeof now === "string" ? now : mediaType, { ...strings(promoted), ...annotations?.index });
  const own = objectField(converted, "annotations");
  const lifted = withObjectField(converted, "annotations", { ...promoted, ...own });
  const edited = withObjectField(lifted, "annotations", setOrRemove(annotations?.index));
  return timeMax ? clampAnnotations(edited, timeMax) : edited;
}

function strings(object: JsonObject): Record<string, string> {
  const texts = Object.entries(object).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  return Object.fromEntries(texts);
}

function imageAnnotations(children: IndexChildren): readonly JsonObject[] {
  return children.entries.flatMap((entry) => {
    if (!isJsonObject(entry) || isStatement(entry)) return [];
    const { mediaType, digest } = entry;
    if (typeof mediaType !== "string" || typeof digest !== "string" || isIndexType(mediaType)) return [];
    return [children.annotations.get(digest) ?? {}];
  });
}

/** The artifact type of what was an attestation: what its statements are, where they are all alike. */
export function attestationType(document: JsonObject): string | undefined {
  const types = new Set(
    arrayField(document, "layers").map((layer) => (isJsonObject(layer) ? layer["mediaType"] : undefined)),
  );
  const [only] = types;
  return types.size === 1 && typeof only === "string" ? only : undefined;
}
