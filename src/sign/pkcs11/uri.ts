import { OciError } from "../../error/oci-error.ts";
import { shownJson } from "../../spec/json.ts";

export const PKCS11_SCHEME = "pkcs11:";

/** Which key of which token, and how to get at it: a PKCS #11 URI (RFC 7512). */
export interface Pkcs11Uri {
  readonly token?: string;
  readonly slot?: number;
  /** The label of the key. */
  readonly object?: string;
  /** The id of the key, lower-case hex. */
  readonly id?: string;
  /** The library of the token. */
  readonly module?: string;
  /** The file that the PIN is in. */
  readonly pinFile?: string;
}

/** Characters; a label of a token has 32, one of a key hardly more. */
const LONGEST = 4096;
const KINDS = ["private", "public"];

/**
 * Reads a PKCS #11 URI. Attributes that berth cannot search by are refused rather than passed over: they would
 * have named another key.
 * @throws OciError USAGE; what it says never shows a PIN
 */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  if (!text.startsWith(PKCS11_SCHEME) || text.length > LONGEST) throw invalid("expected pkcs11:token=…;object=…");
  const [path = "", query = "", ...more] = text.slice(PKCS11_SCHEME.length).split("?");
  if (more.length > 0) throw invalid("it has more than one question mark");
  const attributes = new Map([...pairs(path, ";"), ...pairs(query, "&")].map(([name, value]) => [name, value]));
  const given = pairs(path, ";").length + pairs(query, "&").length;
  if (attributes.size < given) throw invalid("an attribute is given twice");
  if (attributes.has("pin-value")) {
    throw invalid(
      "a PIN on the command line can be read by others",
      "Give it in COSIGN_PKCS11_PIN or with pin-source=file:PATH",
    );
  }
  const take = (name: string): Buffer | undefined => {
    const value = attributes.get(name);
    attributes.delete(name);
    return value;
  };
  const kind = take("type")?.toString();
  if (kind !== undefined && !KINDS.includes(kind)) throw invalid(`expected a key, got type ${shownJson(kind)}`);
  const token = textOf("token", take("token"));
  const slot = slotOf(take("slot-id"));
  const object = textOf("object", take("object"));
  const id = take("id")?.toString("hex");
  const module = textOf("module-path", take("module-path"));
  const pinFile = fileOf(textOf("pin-source", take("pin-source")));
  const [unknown] = attributes.keys();
  if (unknown !== undefined) throw invalid(`keys cannot be searched by ${shownJson(unknown)}`);
  if ((token === undefined) === (slot === undefined)) throw invalid("expected either token or slot-id");
  if (object === undefined && id === undefined) throw invalid("expected object or id, or both");
  return {
    ...(token === undefined ? {} : { token }),
    ...(slot === undefined ? {} : { slot }),
    ...(object === undefined ? {} : { object }),
    ...(id === undefined ? {} : { id }),
    ...(module === undefined ? {} : { module }),
    ...(pinFile === undefined ? {} : { pinFile }),
  };
}

function pairs(part: string, separator: string): readonly (readonly [string, Buffer])[] {
  if (part === "") return [];
  return part.split(separator).map((each) => {
    const equals = each.indexOf("=");
    if (equals < 1) throw invalid("expected name=value in each part");
    return [each.slice(0, equals), bytesOf(each.slice(equals + 1))] as const;
  });
}

/** An id is any bytes, so what is written in percents need not be text. */
function bytesOf(value: string): Buffer {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) throw invalid("expected two hex digits after each %");
  const latin1 = Buffer.from(value).toString("latin1");
  return Buffer.from(
    latin1.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}

function textOf(name: string, value: Buffer | undefined): string | undefined {
  if (value === undefined) return undefined;
  const text = value.toString("utf8");
  // The first would be no text, the second a line of its own in what tools print, the third an option of theirs.
  if (!Buffer.from(text).equals(value) || /[\p{Cc}]/u.test(text) || text === "" || text.startsWith("-")) {
    throw invalid(`expected text in ${name}`);
  }
  return text;
}

function slotOf(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined;
  const text = value.toString("latin1");
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalid("expected a number in slot-id");
}

function fileOf(source: string | undefined): string | undefined {
  if (source === undefined) return undefined;
  const path = source.replace(/^file:(?:\/\/(?=\/))?/, "");
  if (path === "" || path.startsWith("|") || /^[a-z]+:/.test(path)) throw invalid("expected file:PATH in pin-source");
  return path;
}

function invalid(what: string, hint = "For example: pkcs11:token=release;object=signing"): OciError {
  return new OciError("USAGE", `Invalid PKCS #11 URI: ${what}`, { hint });
}
