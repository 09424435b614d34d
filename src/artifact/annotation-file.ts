import { OciError } from "../error/oci-error.ts";
import type { Annotations } from "../spec/descriptor.ts";
import { isJsonObject, type JsonValue, parseJson, shownJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";

/** Annotations of an artifact's parts, as a file of oras's form has them. */
export interface AnnotationFile {
  readonly manifest: Annotations;
  readonly config: Annotations;
  /** By the name that a file was given by. */
  readonly files: ReadonlyMap<string, Annotations>;
}

const WHAT = "annotation file";
const HINT = 'Expected {"$manifest": {"key": "value"}, "$config": {…}, "FILE": {…}}';

function readAnnotations(name: string, value: JsonValue | undefined): Annotations {
  const refuse = (problem: string): never => {
    throw new OciError("FILE_INVALID", `Invalid ${WHAT}: ${shownJson(name)} ${problem}`, { hint: HINT });
  };
  if (!isJsonObject(value)) return refuse(`has to be an object of texts, got ${shownJson(value)}`);
  const entries = Object.entries(value).map(([key, text]): [string, string] => {
    if (key === "") return refuse("has an annotation without a key");
    if (typeof text === "string") return [key, text];
    return refuse(`has to have texts alone, got ${shownJson(text)} for ${shownJson(key)}`);
  });
  return Object.fromEntries(entries);
}

/**
 * Reads a file of annotations strictly: `$manifest`, `$config` and the names of
 * files, each with texts by key; no key twice.
 * @throws OciError FILE_INVALID, LIMIT_EXCEEDED above {@link Limits.manifest}, which they end up in
 */
export function parseAnnotationFile(bytes: Uint8Array): AnnotationFile {
  if (bytes.length > Limits.manifest) {
    throw new OciError("LIMIT_EXCEEDED", `The ${WHAT} has more than ${Limits.manifest} bytes`);
  }
  const document = parseJson(bytes, WHAT, "FILE_INVALID", { hint: HINT });
  if (!isJsonObject(document)) {
    throw new OciError("FILE_INVALID", `Invalid ${WHAT}: expected an object, got ${shownJson(document)}`, {
      hint: HINT,
    });
  }
  const { $manifest: manifest = {}, $config: config = {}, ...files } = document;
  return {
    manifest: readAnnotations("$manifest", manifest),
    config: readAnnotations("$config", config),
    files: new Map(Object.entries(files).map(([name, value]) => [name, readAnnotations(name, value)])),
  };
}
