import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { type ImageConfig, isImageConfigType, parseImageConfig } from "../spec/image-config.ts";
import { Limits } from "../spec/limits.ts";
import { type Manifest, parseManifest } from "../spec/manifest.ts";
import { isIndexType } from "../spec/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../spec/platform.ts";
import { isAttestation } from "../store/document-entry.ts";
import type { Source } from "../store/store.ts";
import { manifestEdges } from "../store/successors.ts";
import { eachOf } from "../transfer/workers.ts";

/** A manifest that a policy looks at. */
export interface SubjectNode {
  /** Type, digest and size alone. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  /** As the index says, else as the configuration does. */
  readonly platform?: Platform;
  /** Of an image. */
  readonly config?: ImageConfig;
}

/** An index with its images, or one image, which is its own root. */
export interface PolicySubject {
  readonly root: SubjectNode;
  /** The root, where it is an index, and those inside it. */
  readonly indexes: readonly SubjectNode[];
  /** What is no index, each once; without BuildKit's attestations, which the index itself vouches for. */
  readonly images: readonly SubjectNode[];
}

const AT_A_TIME = 8;
const IN_TOTO = "application/vnd.in-toto+json";

/**
 * Reads what a policy is to judge: every manifest below a root, and the configurations of images.
 * @throws OciError MANIFEST_UNKNOWN, MANIFEST_INVALID, LIMIT_EXCEEDED, and what the source throws
 */
export async function readSubject(source: Pick<Source, "fetch">, root: Descriptor): Promise<PolicySubject> {
  const seen = new Set<Digest>([root.digest]);
  const indexes: SubjectNode[] = [];
  const images: SubjectNode[] = [];
  let first: SubjectNode | undefined;
  for (let level: readonly Descriptor[] = [root]; level.length > 0;) {
    const nodes: (SubjectNode | undefined)[] = [];
    await eachOf(level.entries(), AT_A_TIME, async ([at, entry]) => {
      nodes[at] = await readNode(source, entry);
    });
    first ??= nodes[0];
    const below: Descriptor[] = [];
    for (const node of nodes) {
      if (!node) continue;
      if (node.manifest.form !== "index") {
        images.push(node);
        continue;
      }
      indexes.push(node);
      for (const { role, descriptor } of manifestEdges(node.manifest)) {
        if (role !== "child" || seen.has(descriptor.digest)) continue;
        seen.add(descriptor.digest);
        below.push(descriptor);
      }
      if (seen.size > Limits.policyImages) {
        throw new OciError("LIMIT_EXCEEDED", `${root.digest} holds more than ${Limits.policyImages} manifests`, {
          digest: root.digest,
        });
      }
    }
    level = below;
  }
  if (!first) throw new OciError("MANIFEST_INVALID", `There is nothing to judge in ${root.digest}`);
  return { root: first, indexes, images };
}

/** Undefined for what is no image of its own. */
async function readNode(source: Pick<Source, "fetch">, entry: Descriptor): Promise<SubjectNode | undefined> {
  const what = `manifest ${entry.digest}`;
  if (entry.size > Limits.manifest) {
    throw new OciError("LIMIT_EXCEEDED", `The ${what} has ${entry.size} bytes, the limit is ${Limits.manifest}`);
  }
  const bytes = await collect(source.fetch(entry, { kind: "manifest" }), Limits.manifest, what);
  const manifest = parseManifest(bytes, entry.mediaType);
  if (isStatement(entry, manifest)) return undefined;
  const config = await readConfig(source, manifest);
  const own = config && config.platform.os !== "" ? config.platform : undefined;
  const platform = entry.platform ?? own;
  return {
    descriptor: bareDescriptor(entry),
    manifest,
    ...(platform ? { platform } : {}),
    ...(config ? { config } : {}),
  };
}

/** Nobody can run what holds nothing but in-toto statements, whatever else an entry says. */
function isStatement(entry: Descriptor, manifest: Manifest): boolean {
  return (
    isAttestation(entry) && manifest.form === "image" && manifest.layers.every(({ mediaType }) => mediaType === IN_TOTO)
  );
}

async function readConfig(source: Pick<Source, "fetch">, manifest: Manifest): Promise<ImageConfig | undefined> {
  if (manifest.form !== "image" || !isImageConfigType(manifest.config.mediaType)) return undefined;
  const { config } = manifest;
  if (config.size > Limits.config) {
    throw new OciError("LIMIT_EXCEEDED", `The image configuration ${config.digest} has ${config.size} bytes`);
  }
  return parseImageConfig(
    await collect(source.fetch(config, { kind: "blob" }), Limits.config, `config ${config.digest}`),
  );
}

/** The images that a rule is about; those of the platforms that it names, where it names any. */
export function imagesOf(subject: PolicySubject, platforms: readonly Platform[] | undefined): readonly SubjectNode[] {
  if (platforms === undefined) return subject.images;
  return subject.images.filter(
    ({ platform }) => platform !== undefined && platforms.some((wanted) => matchesPlatform(platform, wanted)),
  );
}

export function describeNode({ descriptor, platform }: SubjectNode): string {
  if (isIndexType(descriptor.mediaType)) return "the index";
  return platform ? formatPlatform(platform) : "the image";
}
