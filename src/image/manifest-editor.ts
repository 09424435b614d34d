import { OciError } from "../error/oci-error.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import { algorithmOf } from "../spec/digest.ts";
import type { ImageConfig } from "../spec/image-config.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import type { ImageManifest } from "../spec/manifest.ts";
import { matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source, Store } from "../store/store.ts";
import { refuseDockerAnnotations, setOrRemove } from "./annotation-change.ts";
import { withData } from "./descriptor-data.ts";
import { configDocument, type DraftLayer, type DraftStep, type ImageDraft, replaced } from "./draft.ts";
import { type ImageChange, needsImage, stepsOf } from "./image-change.ts";
import { arrayField, objectField, sameJson, toJson, withFields, withObjectField } from "../spec/json-edit.ts";
import type { NodeChange } from "./node-change.ts";
import { readConfig } from "./read-image.ts";
import { clampAnnotations } from "./time-rule.ts";
import type { ImageWriter } from "./writer.ts";

export interface ManifestEditorOptions extends Signal, ImageChange {
  readonly source: Source;
  readonly target: Store;
  readonly writer: ImageWriter;
  readonly platforms?: readonly Platform[];
  /** Gets what was replaced. */
  readonly changes: NodeChange[];
}

/** A manifest that was read. */
export interface ManifestRead {
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly document: JsonObject;
}

/** Edits single images: step by step as a draft, then the configuration, then the manifest's document. */
export class ManifestEditor {
  readonly #options: ManifestEditorOptions;
  readonly #signal: Signal;
  readonly #steps: readonly DraftStep[];

  constructor(options: ManifestEditorOptions) {
    this.#options = options;
    this.#signal = options.signal ? { signal: options.signal } : {};
    this.#steps = stepsOf(options);
  }

  /**
   * The document of the changed manifest, its config and layers written; undefined where
   * this one is not to be changed.
   * @param inherited annotations of the index above, for what the manifest does not say itself
   * @throws OciError UNSUPPORTED
   */
  async edit(
    read: ManifestRead,
    root: boolean,
    met: Set<Platform>,
    inherited: Annotations = {},
  ): Promise<JsonObject | undefined> {
    const { source, platforms } = this.#options;
    const config = await readConfig(source, read.manifest, this.#signal);
    if (!config && !root) return undefined;
    const wanted = platforms?.find((platform) => config && matchesPlatform(config.platform, platform));
    if (root && platforms && !wanted) return undefined;
    if (wanted) met.add(wanted);
    const { document, layers } = config ? await this.#image(read, config, inherited) : await this.#artifact(read);
    const edited = await this.#finished(document, config, layers);
    if (sameJson(edited, read.document)) return undefined;
    await this.#carry(read.manifest, edited, layers);
    return edited;
  }

  /** Annotations and inlined content, which every manifest can have. */
  async #finished(
    document: JsonObject,
    config: ImageConfig | undefined,
    drafts: readonly DraftLayer[],
  ): Promise<JsonObject> {
    const { annotations, timeMax, labelsToAnnotations, dataMax, writer, source } = this.#options;
    const mediaType = document["mediaType"];
    refuseDockerAnnotations(typeof mediaType === "string" ? mediaType : "", annotations?.manifest);
    const labels = labelsToAnnotations === true ? (config?.run.labels ?? {}) : {};
    const own = objectField(document, "annotations");
    const labelled = withObjectField(document, "annotations", { ...labels, ...own });
    const annotated = withObjectField(labelled, "annotations", setOrRemove(annotations?.manifest));
    const clamped = timeMax ? clampAnnotations(annotated, timeMax) : annotated;
    if (dataMax === undefined) return clamped;
    const inlined = (value: JsonObject): Promise<JsonObject> => {
      const draft = drafts.find(({ descriptor }) => descriptor.digest === value["digest"]);
      return withData(value, "blob", dataMax, { writer, source: draft?.source ?? source });
    };
    const layers: JsonValue[] = [];
    for (const layer of arrayField(clamped, "layers")) layers.push(isJsonObject(layer) ? await inlined(layer) : layer);
    return withFields(clamped, { config: await inlined(objectField(clamped, "config")), layers });
  }

  async #artifact({ descriptor, manifest, document }: ManifestRead): Promise<{ document: JsonObject; layers: [] }> {
    if (needsImage(this.#options)) {
      throw new OciError(
        "UNSUPPORTED",
        `${descriptor.digest} is an artifact with a config of type ${manifest.config.mediaType}, so only its annotations can be changed`,
        { digest: descriptor.digest },
      );
    }
    const { algorithm, source, writer } = this.#options;
    if (!algorithm) return { document, layers: [] };
    const rehashed = async (value: JsonObject, from: Descriptor): Promise<JsonObject> =>
      withFields(value, await this.#shortened(writer.rehash(from, source)));
    const layers = [];
    for (const [at, layer] of arrayField(document, "layers").entries()) {
      const from = manifest.layers[at];
      layers.push(isJsonObject(layer) && from ? await rehashed(layer, from) : layer);
    }
    const config = await rehashed(objectField(document, "config"), manifest.config);
    return { document: withFields(document, { config, layers }), layers: [] };
  }

  async #shortened(written: Promise<Pick<Descriptor, "digest" | "size">>): Promise<{ digest: string; size: number }> {
    const { digest, size } = await written;
    return { digest, size };
  }

  async #image(
    { manifest, document }: ManifestRead,
    config: ImageConfig,
    inherited: Annotations,
  ): Promise<{ document: JsonObject; layers: readonly DraftLayer[] }> {
    const { writer, changes, source, rebase } = this.#options;
    const documents = arrayField(document, "layers");
    let draft: ImageDraft = {
      // What the index says of a base holds for its images.
      document: rebase ? withInherited(document, inherited) : document,
      config: config.document,
      configType: manifest.config.mediaType,
      history: arrayField(config.document, "history"),
      layers: manifest.layers.map((descriptor, at): DraftLayer => {
        const layer = documents[at];
        // As many as layers: checked when the configuration was read.
        const diffId = config.diffIds[at] ?? descriptor.digest;
        return { descriptor, document: isJsonObject(layer) ? layer : {}, diffId, source };
      }),
    };
    for (const step of this.#steps) draft = await step(draft, { writer, changes, ...this.#signal });
    const layers = draft.layers.map((layer) => layer.document);
    const edited = withFields(draft.document, {
      config: await this.#config(manifest.config, config, draft, document),
      layers,
    });
    return { document: edited, layers: draft.layers };
  }

  async #config(from: Descriptor, before: ImageConfig, draft: ImageDraft, document: JsonObject): Promise<JsonObject> {
    const { writer, changes, algorithm } = this.#options;
    const own = objectField(document, "config");
    const edited = configDocument(draft);
    const typed = draft.configType === from.mediaType ? own : withFields(own, { mediaType: draft.configType });
    const rehash = algorithm !== undefined && algorithmOf(from.digest) !== algorithm;
    if (sameJson(edited, before.document) && !rehash) return typed;
    const written = await writer.json(edited, draft.configType);
    changes.push({ role: "config", from, to: written });
    return replaced(own, written);
  }

  /** Brings over what the changed manifest still shares with an old one. */
  async #carry(manifest: ImageManifest, document: JsonObject, layers: readonly DraftLayer[]): Promise<void> {
    const { source, target, writer } = this.#options;
    const kept = layers.length > 0 ? [] : manifest.layers.map((descriptor) => ({ descriptor, source }));
    const used = JSON.stringify(document);
    for (const { descriptor, source: from } of [{ descriptor: manifest.config, source }, ...kept, ...layers]) {
      if (!from || !used.includes(descriptor.digest)) continue;
      if (!sameJson(toJson(from.location), toJson(target.location))) await writer.carry(descriptor, from);
    }
  }
}

function withInherited(document: JsonObject, inherited: Annotations): JsonObject {
  return withObjectField(document, "annotations", { ...inherited, ...objectField(document, "annotations") });
}
