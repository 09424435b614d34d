import { OciError } from "../error/oci-error.ts";
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from "../spec/json.ts";
import { decodeBase64 } from "./base64.ts";

/** The error of a signed document that is not what it should be; never a reason to take it as another kind. */
export function malformed(what: string, problem: string): OciError {
  return new OciError("MANIFEST_INVALID", `Invalid ${what}: ${problem}`, {
    hint: "List what hangs on the subject with: berth signatures",
  });
}

/** Parses a signed document strictly: one text, one meaning. @throws OciError MANIFEST_INVALID */
export function parseObject(bytes: Uint8Array, what: string): JsonObject {
  return requireObject(parseJson(bytes, what), what, "it");
}

export function requireObject(value: JsonValue | undefined, what: string, where: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw malformed(what, `${where} must be an object`);
}

export function requireArray(value: JsonValue | undefined, what: string, where: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  throw malformed(what, `${where} must be an array`);
}

export function requireText(value: JsonValue | undefined, what: string, where: string): string {
  if (typeof value === "string") return value;
  throw malformed(what, `${where} must be a string`);
}

export function requireBase64(value: JsonValue | undefined, what: string, where: string): Uint8Array {
  const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
  if (bytes) return bytes;
  throw malformed(what, `${where} must be base64`);
}

/** A map of texts; absent and null are an empty one, as Go writes it. */
export function optionalTexts(
  value: JsonValue | undefined,
  what: string,
  where: string,
): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  const object = requireObject(value, what, where);
  for (const [key, text] of Object.entries(object)) requireText(text, what, `${where}.${key.slice(0, 100)}`);
  return object as Record<string, string>;
}
