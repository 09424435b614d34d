import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";

/** Sets fields of a JSON object and keeps the order of all others; undefined removes one. */
export function withFields(object: JsonObject, fields: JsonObject): JsonObject {
  const changed: Record<string, JsonValue | undefined> = { ...object };
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) delete changed[key];
    // An own key named __proto__ must stay a key.
    else Object.defineProperty(changed, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return changed;
}

/** An object field, or an empty object where it is absent or null. */
export function objectField(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  return isJsonObject(value) ? value : {};
}

/** An array field, or an empty array where it is absent or null. */
export function arrayField(object: JsonObject, key: string): readonly JsonValue[] {
  const value = object[key];
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

/** Edits an object field; an object that is empty afterwards goes away with its key. */
export function withObjectField(object: JsonObject, key: string, fields: JsonObject): JsonObject {
  if (Object.keys(fields).length === 0) return object;
  const changed = withFields(objectField(object, key), fields);
  return withFields(object, { [key]: Object.keys(changed).length === 0 ? undefined : changed });
}

export function sameJson(one: JsonValue, other: JsonValue): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** A value of ours (a descriptor, a platform) as plain JSON; fields that are undefined go. */
export function toJson(value: object): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}
