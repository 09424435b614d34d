import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { computableAlgorithm } from "../spec/digest.ts";
import { encodeJson, isJsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { sniffManifestType } from "../spec/manifest.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { prettyJson } from "./text-diff.ts";
import { prepareManifest, type PreparedManifest } from "./write-manifest.ts";

/** A manifest as a text that a person can edit. */
export interface EditableManifest {
  readonly descriptor: Descriptor;
  readonly text: string;
  /** The manifest's own bytes are this text, so what comes back is taken byte for byte. */
  readonly verbatim: boolean;
}

/** @throws OciError MANIFEST_INVALID where it is no JSON */
export async function readEditable(
  source: Pick<Source, "fetch">,
  descriptor: Descriptor,
  options: Signal = {},
): Promise<EditableManifest> {
  const bytes = await collect(source.fetch(descriptor, options), Limits.manifest, `manifest ${descriptor.digest}`);
  const original = Buffer.from(bytes).toString("utf8");
  const pretty = prettyJson(parseJson(bytes, "manifest"));
  const verbatim = original.trimEnd().includes("\n");
  return { descriptor, text: verbatim ? original : pretty, verbatim };
}

/**
 * Checks an edited text and makes a manifest of it; undefined where nothing changed. A manifest that was
 * written without line breaks is written so again, any other as the editor left it.
 * @throws OciError MANIFEST_INVALID, LIMIT_EXCEEDED
 */
export function readEdited(before: EditableManifest, text: string): PreparedManifest | undefined {
  if (text === before.text) return undefined;
  const written = Buffer.from(text, "utf8");
  if (written.length > Limits.manifest) {
    throw new OciError("LIMIT_EXCEEDED", `The manifest has ${written.length} bytes, the limit is ${Limits.manifest}`);
  }
  const document = parseJson(written, "manifest");
  const { mediaType, digest } = before.descriptor;
  const own = isJsonObject(document) ? document["mediaType"] : undefined;
  const type = own === undefined ? mediaType : (sniffManifestType(document) ?? mediaType);
  const bytes = before.verbatim ? written : encodeJson(document);
  const prepared = prepareManifest(bytes, type, computableAlgorithm(digest));
  return prepared.descriptor.digest === digest ? undefined : prepared;
}
