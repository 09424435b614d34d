import type { Name } from "@peculiar/asn1-x509";
import { OciError } from "../../error/oci-error.ts";

/** A distinguished name as far as identities are compared: type to value, each type once. */
export type DistinguishedName = ReadonlyMap<string, string>;

/** Short names that RFC 4514 and the usual tools write. */
const TYPES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.5": "SERIALNUMBER",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.17": "POSTALCODE",
  "0.9.2342.19200300.100.1.25": "DC",
};
/** An identity without them would be that of half the world (trust-store-trust-policy.md, "Trusted Identities Constraints"). */
const MANDATORY = ["C", "ST", "O"] as const;
const MAX_LENGTH = 4096;
const TYPE = /^(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)$/;
/** What has to stand behind a backslash in a value (RFC 4514, 2.4). */
const SPECIAL = '"+,;<>';

/** A certificate's name for people, the most general part last (RFC 4514). */
export function formatName(name: Name): string {
  return [...name]
    .reverse()
    .map((parts) =>
      [...parts].map(({ type, value }) => `${TYPES[type] ?? type}=${escapeValue(value.toString())}`).join("+"),
    )
    .join(",");
}

function escapeValue(value: string): string {
  return value
    .replaceAll(/["+,;<>\\]/g, "\\$&")
    .replace(/^[ #]/, "\\$&")
    .replace(/ $/, "\\ ");
}

/** A certificate's name to compare; undefined where a type stands in it twice, so that nobody can choose which counts. */
export function nameToCompare(name: Name): DistinguishedName | undefined {
  const found = new Map<string, string>();
  for (const { type, value } of [...name].flatMap((parts) => [...parts])) {
    const key = TYPES[type] ?? type;
    if (found.has(key)) return undefined;
    found.set(key, value.toString());
  }
  return found;
}

function invalid(text: string, problem: string): OciError {
  const shown = JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
  return new OciError("FILE_INVALID", `Invalid identity ${shown}: ${problem}`, {
    hint: "For example: x509.subject: C=US, ST=WA, O=example.com, CN=release",
  });
}

/**
 * Reads the name of a trusted identity: RFC 4514, parts in any order, spaces around them ignored, each type once.
 * One pass over the text; values in hexadecimal (`=#`) are not taken, as by notation.
 * @throws OciError FILE_INVALID
 */
export function parseIdentityName(text: string): DistinguishedName {
  if (text.length > MAX_LENGTH) throw invalid(text, `it is longer than ${MAX_LENGTH} characters`);
  const found = new Map<string, string>();
  for (let at = 0; at <= text.length;) {
    const equals = text.indexOf("=", at);
    if (equals === -1) throw invalid(text, "expected parts such as O=example.com");
    const written = text.slice(at, equals).trim();
    if (!TYPE.test(written)) throw invalid(text, "a part of it has no type");
    const { value, end } = readValue(text, equals + 1);
    const upper = written.toUpperCase();
    const type = upper === "S" ? "ST" : upper;
    if (value === "") throw invalid(text, `${type} is empty`);
    if (found.has(type)) throw invalid(text, `${type} stands in it twice`);
    found.set(type, value);
    at = end + 1;
  }
  const missing = MANDATORY.find((type) => !found.has(type));
  if (missing !== undefined) throw invalid(text, `it has to have C, ST (or S) and O, and has no ${missing}`);
  return found;
}

/** Up to the comma that ends it, or the end of the text. */
function readValue(text: string, start: number): { readonly value: string; readonly end: number } {
  const bytes: number[] = [];
  let [at, kept] = [start, 0];
  while (text[at] === " ") at += 1;
  if (text[at] === "#") throw invalid(text, "values in hexadecimal are not taken");
  for (; at < text.length && text[at] !== ","; at += 1) {
    const char = text.charAt(at);
    if (char === "\\") {
      const hex = /^[0-9a-fA-F]{2}/.exec(text.slice(at + 1, at + 3))?.[0];
      const next = text.charAt(at + 1);
      if (hex === undefined && !`${SPECIAL}\\ #=`.includes(next)) throw invalid(text, "a backslash stands alone in it");
      if (next === "") throw invalid(text, "it ends with a backslash");
      if (hex === undefined) bytes.push(next.charCodeAt(0));
      else bytes.push(Number.parseInt(hex, 16));
      at += hex === undefined ? 1 : 2;
      kept = bytes.length;
      continue;
    }
    if (SPECIAL.includes(char) || char === "\0") throw invalid(text, `${JSON.stringify(char)} has to be escaped`);
    const codePoint = text.codePointAt(at) ?? 0;
    bytes.push(...Buffer.from(String.fromCodePoint(codePoint), "utf8"));
    if (codePoint > 0xffff) at += 1;
    if (char !== " ") kept = bytes.length;
  }
  const value = Buffer.from(bytes.slice(0, kept));
  try {
    return { value: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value), end: at };
  } catch (cause) {
    throw new OciError("FILE_INVALID", "Invalid identity: it is no UTF-8", { cause });
  }
}

/** Everything that is asked for stands in the name, exactly so. */
export function includesName(name: DistinguishedName, wanted: DistinguishedName): boolean {
  return [...wanted].every(([type, value]) => name.get(type) === value);
}
