import type { AnnotationMatch } from "../artifact/arrange.ts";
import { OciError } from "../error/oci-error.ts";
import { list, type Option } from "./option.ts";

/** The annotations that referrers are chosen by; read each with {@link readAnnotationMatch}. */
export const annotationMatches: Option<readonly string[]> = list(
  "-a, --annotation <key[=value]>",
  "only those with this annotation (may be repeated: with all)",
);

/** @throws OciError USAGE */
export function readAnnotationMatch(text: string): AnnotationMatch {
  const [, key, , value] = /^([^=]+)(=([^]*))?$/.exec(text) ?? [];
  if (key !== undefined) return value === undefined ? { key } : { key, value };
  throw new OciError("USAGE", `Invalid value ${JSON.stringify(text)} for --annotation: expected key or key=value`);
}
