import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import { type Digest, isDigest } from "../spec/digest.ts";
import type { JsonObject, JsonValue } from "../spec/json.ts";
import { parsePlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import { type Base, type BaseImage, readBase } from "./base.ts";
import { type DraftLayer, type DraftStep, historyBelow, type ImageDraft } from "./draft.ts";
import { arrayField, objectField, sameJson, toJson, withFields } from "../spec/json-edit.ts";
import { typeIn } from "../store/media-family.ts";
import { documentFamily } from "./media-family.ts";

/** From which base to which. What is not given is what the image's annotations say. */
export interface RebaseChange {
  readonly old?: Base;
  readonly new?: Base;
  /** Opens the image that an annotation names, as it is now or at a digest. */
  readonly open?: (name: string, digest?: Digest) => Promise<Base>;
}

/** What annotations say of a base. */
export interface NamedBase {
  readonly name: string;
  readonly digest?: Digest;
}

/** The base that annotations name. @throws OciError USAGE where they name none */
export function namedBase(annotations: JsonObject): NamedBase {
  const [name, digest] = [annotations[Annotation.BaseName], annotations[Annotation.BaseDigest]];
  if (typeof name !== "string" || name === "") {
    throw new OciError(
      "USAGE",
      `The image does not say what it is based on: it has no annotation ${Annotation.BaseName}`,
      {
        hint: "Name the bases with --old-base and --new-base",
      },
    );
  }
  return { name, ...(typeof digest === "string" && isDigest(digest) ? { digest } : {}) };
}

async function basesOf(change: RebaseChange, draft: ImageDraft): Promise<{ old: Base; next: Base }> {
  if (change.old && change.new) return { old: change.old, next: change.new };
  const { name, digest } = namedBase(objectField(draft.document, "annotations"));
  if (!change.open) throw new OciError("USAGE", "Expected both bases, the old one and the new one");
  if (!change.old && digest === undefined) {
    throw new OciError(
      "USAGE",
      `The image does not say which ${name} it is based on: it has no annotation ${Annotation.BaseDigest}`,
      {
        hint: "Name the old base with --old-base",
      },
    );
  }
  return { old: change.old ?? (await change.open(name, digest)), next: change.new ?? (await change.open(name)) };
}

/** The base for a platform; one that is a single image is taken as it is. */
function read(base: Base, platform: Platform, signal: Signal): Promise<BaseImage> {
  return readBase(base, platform, signal);
}

function requireBelow(draft: ImageDraft, old: BaseImage): void {
  const { diffIds } = old.config;
  const wrong = diffIds.findIndex((diffId, at) => draft.layers[at]?.diffId !== diffId);
  if (wrong === -1) return;
  throw new OciError(
    "CONFLICT",
    `The image is not built on ${old.descriptor.digest}: layer ${wrong} should be ${diffIds[wrong]}, got ${draft.layers[wrong]?.diffId ?? "none"}`,
    { digest: old.descriptor.digest, hint: "Name the base that the image was built on with --old-base" },
  );
}

/** The image's own lines: what follows the base's where those come first, else what follows its last layer. */
function ownHistory(draft: ImageDraft, old: BaseImage): readonly JsonValue[] {
  const lines = arrayField(old.config.document, "history");
  const begins = lines.length > 0 && lines.every((line, at) => sameJson(line, draft.history[at] ?? null));
  return draft.history.slice(begins ? lines.length : historyBelow(draft, old.config.diffIds.length));
}

function swapped(draft: ImageDraft, old: BaseImage, next: BaseImage, base: Base): ImageDraft {
  const family = documentFamily(draft.document);
  const below = next.manifest.layers.map((layer, at): DraftLayer => {
    const descriptor = { ...layer, mediaType: typeIn(family, layer.mediaType) };
    // As many as layers: checked when the configuration was read.
    const diffId = next.config.diffIds[at] ?? layer.digest;
    return { descriptor, document: toJson(descriptor) as JsonObject, diffId, source: base.source };
  });
  const annotations = objectField(draft.document, "annotations");
  const noted = withFields(annotations, {
    [Annotation.BaseDigest]: next.descriptor.digest,
    ...(base.name === undefined ? {} : { [Annotation.BaseName]: base.name }),
  });
  return {
    ...draft,
    document: family === "oci" ? withFields(draft.document, { annotations: noted }) : draft.document,
    layers: [...below, ...draft.layers.slice(old.config.diffIds.length)],
    history: [...arrayField(next.config.document, "history"), ...ownHistory(draft, old)],
  };
}

/**
 * Puts the layers of a new base in the place of those of the old one; the rest of the image, its
 * configuration too, stays. Layers are compared by what they unpack to, however they are compressed.
 * @throws OciError CONFLICT when the image's lowest layers are not those of the old base, USAGE, PLATFORM_UNKNOWN
 */
export function rebaseLayers(change: RebaseChange): DraftStep {
  return async (draft, scope) => {
    const signal: Signal = scope.signal ? { signal: scope.signal } : {};
    const { old, next } = await basesOf(change, draft);
    const platform = parsePlatform(draft.config, "the image configuration");
    const [before, after] = [await read(old, platform, signal), await read(next, platform, signal)];
    requireBelow(draft, before);
    return before.descriptor.digest === after.descriptor.digest ? draft : swapped(draft, before, after, next);
  };
}
