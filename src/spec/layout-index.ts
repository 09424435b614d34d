import { OciError } from "../error/oci-error.ts";
import { Annotation } from "./annotation.ts";
import { type Annotations, type Descriptor, parseDescriptor } from "./descriptor.ts";
import { encodeJson, isJsonObject, type JsonObject, parseJson, shownJson } from "./json.ts";
import { MediaType } from "./media-type.ts";
import { isTag } from "./name.ts";

/** One entry of a layout's index.json: what it says, and the JSON it was read from, kept as it is. */
export interface LayoutEntry {
  readonly descriptor: Descriptor;
  readonly json: JsonObject;
}

/** A layout's index.json (image-spec image-layout.md, "index.json"). */
export interface LayoutIndex {
  readonly entries: readonly LayoutEntry[];
  /** Every other field of the document. */
  readonly rest: JsonObject;
}

/** What a layout that was just made holds. */
export const emptyLayoutIndex: LayoutIndex = {
  entries: [],
  rest: { schemaVersion: 2, mediaType: MediaType.ImageIndex },
};

/**
 * Reads an index.json.
 * @throws OciError LAYOUT_INVALID
 */
export function parseLayoutIndex(bytes: Uint8Array): LayoutIndex {
  const document = parseJson(bytes, "index.json", "LAYOUT_INVALID");
  if (!isJsonObject(document)) throw invalid("expected a JSON object");
  const { manifests, ...rest } = document;
  if (document["schemaVersion"] !== 2) throw invalid("schemaVersion must be 2");
  if (document["mediaType"] !== undefined && document["mediaType"] !== MediaType.ImageIndex) {
    throw invalid(`its mediaType is ${shownJson(document["mediaType"])}`);
  }
  // `null` is what Go writes for a list that was never filled.
  if (manifests === undefined || manifests === null) return { entries: [], rest };
  if (!Array.isArray(manifests)) throw invalid("manifests must be an array");
  return { entries: manifests.map((json, at) => parseLayoutEntry(json, `manifests[${at}]`)), rest };
}

/**
 * Reads one entry out of parsed JSON.
 * @param where the path to it, for messages
 * @throws OciError LAYOUT_INVALID
 */
export function parseLayoutEntry(json: unknown, where: string): LayoutEntry {
  if (!isJsonObject(json)) throw invalid(`${where} must be an object`);
  // Go writes null for what was never set.
  const hasNull = Object.values(json).includes(null);
  const present = hasNull ? Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null)) : json;
  try {
    return { descriptor: parseDescriptor(present, where), json };
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new OciError("LAYOUT_INVALID", `Invalid index.json at ${where}: ${problem}`, { cause });
  }
}

function invalid(problem: string): OciError {
  return new OciError("LAYOUT_INVALID", `Invalid index.json: ${problem}`);
}

/** The bytes of an index.json. Fields and entries that are not ours come out as they came in. */
export function encodeLayoutIndex(index: LayoutIndex): Uint8Array {
  return encodeJson({ ...index.rest, manifests: index.entries.map((entry) => entry.json) });
}

/** An entry of our own making. */
export function layoutEntry(descriptor: Descriptor, annotations: Annotations = {}): LayoutEntry {
  const all = { ...descriptor.annotations, ...annotations };
  const made: Descriptor = {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(Object.keys(all).length === 0 ? {} : { annotations: all }),
    ...(descriptor.artifactType === undefined ? {} : { artifactType: descriptor.artifactType }),
    ...(descriptor.platform === undefined ? {} : { platform: descriptor.platform }),
  };
  return { descriptor: made, json: made as unknown as JsonObject };
}

/**
 * The name that an entry has: a tag, a full reference, or whatever somebody wrote.
 * BuildKit's and containerd's own annotation counts where `ref.name` is absent.
 */
export function entryName(entry: LayoutEntry): string | undefined {
  const { annotations } = entry.descriptor;
  return annotations?.[Annotation.RefName] || annotations?.[Annotation.ContainerdName] || undefined;
}

/**
 * The tag that a name stands for: the name itself, or the end of a full reference
 * such as `docker.io/library/alpine:3.22`. Undefined where there is none.
 */
export function tagOfName(name: string): string | undefined {
  if (isTag(name)) return name;
  const [reference = ""] = name.split("@", 1);
  const colon = reference.lastIndexOf(":");
  if (colon <= 0 || reference.includes("/", colon)) return undefined;
  const tag = reference.slice(colon + 1);
  return isTag(tag) ? tag : undefined;
}
