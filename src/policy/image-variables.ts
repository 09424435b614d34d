import { toJson } from "../spec/json-edit.ts";
import { formatPlatform } from "../spec/platform.ts";
import type { JsonObject } from "../spec/json.ts";
import type { ExpressionValue } from "./expression.ts";
import type { Inquiry } from "./inquiry.ts";
import type { SubjectNode } from "./subject.ts";

/** What every expression may speak of. */
export function placeVariables({ place, subject, now }: Inquiry): Readonly<Record<string, ExpressionValue>> {
  const { root } = subject;
  return {
    repository: place.repository,
    registry: place.registry ?? "",
    tags: [...place.tags],
    now,
    index:
      root.manifest.form === "index"
        ? {
            digest: root.descriptor.digest,
            mediaType: root.descriptor.mediaType,
            annotations: root.manifest.annotations ?? {},
            manifests: root.manifest.manifests.map(toJson),
          }
        : null,
  };
}

/** What an expression about an image may speak of. What the image does not say is absent, so that `has()` tells. */
export function imageVariables(node: SubjectNode, inquiry: Inquiry): Readonly<Record<string, ExpressionValue>> {
  const { descriptor, manifest, config, platform } = node;
  const image: JsonObject = {
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    size: imageSize(node),
    annotations: manifest.annotations ?? {},
    labels: config?.run.labels ?? {},
    ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }),
    ...(manifest.form === "image" ? { layers: manifest.layers.map(toJson) } : {}),
    ...(platform ? { platform: { ...(toJson(platform) as JsonObject), text: formatPlatform(platform) } } : {}),
    ...(config ? { config: config.document } : {}),
    ...(config?.created === undefined ? {} : { created: config.created }),
  };
  return { ...placeVariables(inquiry), image };
}

/** Bytes of the configuration and layers as they are stored. */
export function imageSize({ manifest }: SubjectNode): number {
  if (manifest.form === "artifact") return manifest.blobs.reduce((sum, { size }) => sum + size, 0);
  if (manifest.form !== "image") return 0;
  return manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size);
}
