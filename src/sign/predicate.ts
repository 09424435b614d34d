import { OciError } from "../error/oci-error.ts";
import { isJsonObject, type JsonValue, parseJson } from "../spec/json.ts";
import { PREDICATE_TYPES } from "./statement.ts";
import { formatTime } from "../spec/time.ts";

/**
 * The predicate that a file becomes: as it stands, where it is JSON; in cosign's own frame for its `custom` type,
 * which takes any text.
 * @throws OciError FILE_INVALID
 */
export function readPredicate(bytes: Uint8Array, predicateType: string, now: Date = new Date()): JsonValue {
  if (predicateType === PREDICATE_TYPES["custom"]) {
    return { Data: decode(bytes), Timestamp: formatTime(now) };
  }
  const predicate = parseJson(bytes, "predicate", "FILE_INVALID", {
    hint: "Expected JSON; any other text can be attested with --type custom",
  });
  if (isJsonObject(predicate)) return predicate;
  throw new OciError("FILE_INVALID", "Invalid predicate: expected a JSON object");
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new OciError("FILE_INVALID", "Invalid predicate: not valid UTF-8", { cause });
  }
}
