import { OciError } from "../error/oci-error.ts";

/** The query of a request; a name may come several times. */
export type Query = ReadonlyMap<string, readonly string[]>;

/**
 * Decodes percent-encoding, strictly: every `%` starts an escape, the octets are UTF-8.
 * A `+` stays a plus: media types hold it, and nothing here holds a space.
 * @throws OciError NAME_INVALID
 */
export function decodeComponent(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new OciError("NAME_INVALID", `Invalid percent-encoding in ${JSON.stringify(text.slice(0, 80))}`, { cause });
  }
}

/** @throws OciError NAME_INVALID */
export function parseQuery(text: string): Query {
  const query = new Map<string, string[]>();
  for (const part of text.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decodeComponent(equals === -1 ? part : part.slice(0, equals));
    const value = equals === -1 ? "" : decodeComponent(part.slice(equals + 1));
    const values = query.get(name);
    if (values) values.push(value);
    else query.set(name, [value]);
  }
  return query;
}

/**
 * The one value of a parameter.
 * @throws OciError USAGE when it came more than once
 */
export function single(query: Query, name: string): string | undefined {
  const values = query.get(name);
  if (values && values.length > 1) {
    throw new OciError("USAGE", `The parameter ${name} came ${values.length} times, expected once`);
  }
  return values?.[0];
}
