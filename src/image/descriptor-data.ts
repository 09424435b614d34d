import { collect } from "../bytes/collect.ts";
import { parseDescriptor } from "../spec/descriptor.ts";
import type { JsonObject } from "../spec/json.ts";
import type { Source } from "../store/store.ts";
import type { Kind } from "../store/store.ts";
import { withFields } from "../spec/json-edit.ts";
import type { ImageWriter } from "./writer.ts";

/**
 * A descriptor with its content inside, where that has at most so many bytes, and without it where
 * it has more (image-spec descriptor.md, "Embedded Content").
 */
export async function withData(
  document: JsonObject,
  kind: Kind,
  max: number,
  from: { readonly writer: ImageWriter; readonly source: Source },
): Promise<JsonObject> {
  const descriptor = parseDescriptor(document, "the manifest");
  if (max === 0 || descriptor.size > max) return withFields(document, { data: undefined });
  const written = from.writer.recent(descriptor.digest);
  const bytes =
    written ?? (await collect(from.source.fetch(descriptor, { kind }), max, `content of ${descriptor.digest}`));
  return withFields(document, { data: Buffer.from(bytes).toString("base64") });
}
