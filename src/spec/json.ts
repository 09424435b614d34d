import { OciError, type OciErrorOptions } from "../error/oci-error.ts";
import type { ErrorCode } from "../error/code.ts";
import { Limits } from "./limits.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value in a message, not longer than a line: a stranger's text may have megabytes. */
export function shownJson(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses JSON of a type that berth interprets, strictly: valid UTF-8 without a
 * byte order mark, no duplicate keys and no `__proto__`, nesting within {@link Limits.jsonDepth},
 * numbers that are integers within 2^53 kept exactly (I-JSON, RFC 7493).
 * @param what names the document in messages
 * @throws OciError with the given code (MANIFEST_INVALID by default)
 */
export function parseJson(
  bytes: Uint8Array,
  what: string,
  code: ErrorCode = "MANIFEST_INVALID",
  options: OciErrorOptions = {},
): JsonValue {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new OciError(code, `Invalid ${what}: not valid UTF-8`, { ...options, cause });
  }
  const problem = scan(text);
  if (problem !== undefined) throw new OciError(code, `Invalid ${what}: ${problem}`, options);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "not JSON";
    throw new OciError(code, `Invalid ${what}: ${reason.slice(0, 200)}`, { ...options, cause });
  }
}

/** One level of the document: the keys seen in an object, or null in an array. */
type Level = Set<string> | null;

/**
 * Finds what JSON.parse lets through: depth, duplicate keys, numbers that
 * would be rounded. Anything malformed beyond that is left to JSON.parse.
 */
function scan(text: string): string | undefined {
  if (text.charCodeAt(0) === 0xfeff) return "starts with a byte order mark";
  const levels: Level[] = [];
  let expectKey = false;
  let at = 0;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === 0x22 /* " */) {
      const end = stringEnd(text, at);
      if (end === -1) return undefined;
      const keys = levels.at(-1);
      if (expectKey && keys) {
        const key = keyText(text.slice(at, end));
        // Whoever copies such an object key by key would set the copy's prototype.
        if (key === "__proto__") return "the key __proto__ is not taken";
        if (keys.has(key)) return `duplicate key ${JSON.stringify(key.slice(0, 100))}`;
        keys.add(key);
        expectKey = false;
      }
      at = end;
    } else if (char === 0x7b /* { */ || char === 0x5b /* [ */) {
      if (levels.length >= Limits.jsonDepth) return `nested deeper than ${Limits.jsonDepth} levels`;
      levels.push(char === 0x7b ? new Set() : null);
      expectKey = char === 0x7b;
      at += 1;
    } else if (char === 0x7d || char === 0x5d) {
      levels.pop();
      expectKey = false;
      at += 1;
    } else if (char === 0x2c /* , */) {
      expectKey = levels.at(-1) instanceof Set;
      at += 1;
    } else if (char === 0x2d || (char >= 0x30 && char <= 0x39)) {
      const end = numberEnd(text, at);
      const number = text.slice(at, end);
      if (!isExact(number)) return `number ${number.slice(0, 40)} cannot be kept exactly`;
      at = end;
    } else {
      at += 1;
    }
  }
  return undefined;
}

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return -1;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function keyText(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal;
  }
}

function numberEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && /[0-9.eE+-]/.test(text.charAt(at))) at += 1;
  return at;
}

function isExact(number: string): boolean {
  const value = Number(number);
  if (!Number.isFinite(value)) return false;
  return /[.eE]/.test(number) ? Math.abs(value) <= Number.MAX_SAFE_INTEGER : Number.isSafeInteger(value);
}

/** Serialises the way every JSON document of berth is written: two spaces are never needed by a machine. */
export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}
