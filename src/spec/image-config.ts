import { OciError } from "../error/oci-error.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from "./json.ts";
import { MediaType } from "./media-type.ts";
import { parsePlatform, type Platform } from "./platform.ts";

/** How a container of the image runs (image-spec config.md, "config"). */
export interface RunConfig {
  readonly user?: string;
  readonly exposedPorts: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly volumes: readonly string[];
  readonly workingDir?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
}

/** One line of an image's history (image-spec config.md, "history"). */
export interface HistoryEntry {
  readonly created?: string;
  readonly createdBy?: string;
  readonly author?: string;
  readonly comment?: string;
  /** This line made no layer. */
  readonly emptyLayer: boolean;
}

/** An image configuration, OCI's or Docker's. */
export interface ImageConfig {
  readonly platform: Platform;
  readonly created?: string;
  readonly author?: string;
  readonly run: RunConfig;
  /** Digests of the uncompressed layers, lowest first. */
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
  /** The whole document; edit this one, so that fields unknown here live on. */
  readonly document: JsonObject;
}

export function isImageConfigType(mediaType: string): boolean {
  return mediaType === MediaType.ImageConfig || mediaType === MediaType.DockerConfig;
}

function invalid(problem: string): OciError {
  return new OciError("MANIFEST_INVALID", `Invalid image configuration: ${problem}`);
}

/** Go writes null for what is absent. */
function present(object: JsonObject, key: string): JsonValue | undefined {
  return object[key] ?? undefined;
}

function text(object: JsonObject, key: string): string | undefined {
  const value = present(object, key);
  if (value !== undefined && typeof value !== "string") throw invalid(`${key} must be a string`);
  return value;
}

function texts(object: JsonObject, key: string): readonly string[] | undefined {
  const value = present(object, key);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw invalid(`${key} must be an array of strings`);
  }
  return value;
}

/** Ports and volumes are sets: objects whose values are empty objects. */
function set(object: JsonObject, key: string): readonly string[] {
  const value = present(object, key);
  if (value === undefined) return [];
  if (!isJsonObject(value)) throw invalid(`${key} must be an object`);
  return Object.keys(value);
}

function labels(object: JsonObject): Readonly<Record<string, string>> {
  const value = present(object, "Labels");
  if (value === undefined) return {};
  if (!isJsonObject(value) || !Object.values(value).every((item) => typeof item === "string")) {
    throw invalid("Labels must map strings to strings");
  }
  return value as Record<string, string>;
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function runConfig(document: JsonObject): RunConfig {
  const value = present(document, "config") ?? {};
  if (!isJsonObject(value)) throw invalid("config must be an object");
  return {
    ...optional("user", text(value, "User")),
    exposedPorts: set(value, "ExposedPorts"),
    env: texts(value, "Env") ?? [],
    ...optional("entrypoint", texts(value, "Entrypoint")),
    ...optional("cmd", texts(value, "Cmd")),
    volumes: set(value, "Volumes"),
    ...optional("workingDir", text(value, "WorkingDir")),
    labels: labels(value),
    ...optional("stopSignal", text(value, "StopSignal")),
  };
}

function historyEntry(value: JsonValue): HistoryEntry {
  if (!isJsonObject(value)) throw invalid("history must be an array of objects");
  const empty = present(value, "empty_layer") ?? false;
  if (typeof empty !== "boolean") throw invalid("empty_layer must be true or false");
  return {
    ...optional("created", text(value, "created")),
    ...optional("createdBy", text(value, "created_by")),
    ...optional("author", text(value, "author")),
    ...optional("comment", text(value, "comment")),
    emptyLayer: empty,
  };
}

function rootfs(document: JsonObject): readonly Digest[] {
  const value = present(document, "rootfs");
  if (!isJsonObject(value)) throw invalid("rootfs must be an object");
  if (value["type"] !== "layers") throw invalid('rootfs.type must be "layers"');
  return (texts(value, "diff_ids") ?? []).map((digest) => parseDigest(digest));
}

/**
 * Reads an image configuration strictly; fields unknown to the spec stay in `document`.
 * @throws OciError MANIFEST_INVALID, DIGEST_INVALID
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const document = parseJson(bytes, "image configuration");
  if (!isJsonObject(document)) throw invalid("expected a JSON object");
  const history = present(document, "history") ?? [];
  if (!Array.isArray(history)) throw invalid("history must be an array");
  return {
    platform: parsePlatform(document, "the image configuration"),
    ...optional("created", text(document, "created")),
    ...optional("author", text(document, "author")),
    run: runConfig(document),
    diffIds: rootfs(document),
    history: (history as readonly JsonValue[]).map(historyEntry),
    document,
  };
}
