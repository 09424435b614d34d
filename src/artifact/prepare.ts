import { bytesPart, filePart, type Part, statFile } from "./file.ts";
import { encodeArtifactManifest, withCreated } from "./manifest.ts";
import { guessMediaType, titleOf } from "./file-spec.ts";
import { folderPart } from "./folder.ts";
import { checkDistinct, parseTitle } from "./title.ts";
import { Annotation } from "../spec/annotation.ts";
import { type Annotations, bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { emptyBytes, emptyDescriptor } from "../spec/empty.ts";
import { MediaType } from "../spec/media-type.ts";
import { parseManifest } from "../spec/manifest.ts";
import { referrerDescriptor } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";

/** A file, a folder, or bytes at hand, as they are to become a layer. */
export type ArtifactFile = {
  /** Told by the name for a few kinds of report, an uncompressed or gzipped layer tar for all others. */
  readonly mediaType?: string;
  /** What a pull writes it as; the path, or its last part when it lies outside the working directory. */
  readonly title?: string;
  /** Of the layer; the title has a field of its own. */
  readonly annotations?: Annotations;
} & ({ readonly path: string } | { readonly bytes: Uint8Array; readonly title: string });

export interface ArtifactContent {
  readonly files: readonly ArtifactFile[];
  /** `application/vnd.unknown.artifact.v1` when absent and there is no config. */
  readonly artifactType?: string;
  readonly config?: { readonly mediaType?: string } & ({ readonly path: string } | { readonly bytes: Uint8Array });
  readonly annotations?: Annotations;
  /** Of the config's descriptor. */
  readonly configAnnotations?: Annotations;
  /** Goes into the created annotation; now, when absent. The same files and the same time give the same digest. */
  readonly createdAt?: Date;
  readonly subject?: Descriptor;
}

/** A blob of a prepared artifact. */
export interface PreparedBlob {
  readonly role: "config" | "layer";
  readonly part: Part;
  readonly title?: string;
}

/** An artifact whose digest is known, and of which nothing has been pushed. Dispose it afterwards. */
export interface PreparedArtifact extends AsyncDisposable {
  readonly manifest: Part;
  /** The manifest as a referrers listing shows it. */
  readonly listing: Descriptor;
  readonly subject?: Descriptor;
  /** The config and every layer, as the manifest names them; {@link distinctBlobs} has each digest once. */
  readonly blobs: readonly PreparedBlob[];
}

const UNKNOWN_CONFIG = "application/vnd.unknown.config.v1+json";

const emptyBlob: PreparedBlob = {
  role: "config",
  part: { ...bytesPart(emptyBytes, MediaType.Empty), descriptor: emptyDescriptor },
};

async function prepareLayer(
  file: ArtifactFile,
  scope: AsyncDisposableStack,
  options: Signal,
): Promise<{ descriptor: Descriptor; blob: PreparedBlob }> {
  const title = file.title ?? ("path" in file ? titleOf(file.path) : "");
  parseTitle(title, "push");
  const annotated: Record<string, string> = { ...file.annotations, [Annotation.Title]: title };
  let part: Part;
  if ("bytes" in file) {
    part = bytesPart(file.bytes, file.mediaType ?? guessMediaType(title) ?? MediaType.Layer);
  } else if ((await statFile(file.path)).isDirectory()) {
    const folder = await folderPart(file.path, title, file.mediaType ?? MediaType.LayerGzip, options);
    scope.use(folder);
    annotated[Annotation.OrasContentDigest] = folder.diffId;
    annotated[Annotation.OrasUnpack] = "true";
    part = folder;
  } else {
    part = await filePart(file.path, file.mediaType ?? guessMediaType(file.path) ?? MediaType.Layer, options);
  }
  return {
    descriptor: { ...part.descriptor, annotations: annotated },
    blob: { role: "layer", part, title },
  };
}

async function prepareConfig(config: ArtifactContent["config"], options: Signal): Promise<Part | undefined> {
  if (config === undefined) return undefined;
  const mediaType = config.mediaType ?? UNKNOWN_CONFIG;
  return "path" in config ? filePart(config.path, mediaType, options) : bytesPart(config.bytes, mediaType);
}

/** The blobs of an artifact, each digest once. */
export function distinctBlobs({ blobs }: PreparedArtifact): readonly PreparedBlob[] {
  const byDigest = new Map<string, PreparedBlob>();
  for (const blob of blobs) {
    if (!byDigest.has(blob.part.descriptor.digest)) byDigest.set(blob.part.descriptor.digest, blob);
  }
  return [...byDigest.values()];
}

/**
 * Hashes the files of an artifact and writes its manifest; nothing is pushed.
 * @throws OciError FILE_INVALID, USAGE
 */
export async function prepareArtifact(content: ArtifactContent, options: Signal = {}): Promise<PreparedArtifact> {
  await using scope = new AsyncDisposableStack();
  const layers: Descriptor[] = [];
  const blobs: PreparedBlob[] = [];
  const config = await prepareConfig(content.config, options);
  blobs.push(config ? { role: "config", part: config } : emptyBlob);
  for (const file of content.files) {
    const { descriptor, blob } = await prepareLayer(file, scope, options);
    layers.push(descriptor);
    blobs.push(blob);
  }
  // What could not be pulled again is not pushed either.
  checkDistinct(
    blobs.flatMap(({ title }) => (title === undefined ? [] : [parseTitle(title)])),
    "push",
  );
  if (layers.length === 0) blobs.push({ ...emptyBlob, role: "layer" });
  const bytes = encodeArtifactManifest({
    ...(content.artifactType === undefined ? {} : { artifactType: content.artifactType }),
    ...(config === undefined ? {} : { config: config.descriptor }),
    ...(content.configAnnotations === undefined ? {} : { configAnnotations: content.configAnnotations }),
    layers,
    ...(content.subject === undefined ? {} : { subject: content.subject }),
    annotations: withCreated(content.annotations ?? {}, content.createdAt ?? new Date()),
  });
  const manifest = bytesPart(bytes, MediaType.ImageManifest);
  const kept = scope.move();
  return {
    manifest,
    listing: referrerDescriptor(parseManifest(bytes, MediaType.ImageManifest), manifest.descriptor),
    ...(content.subject === undefined ? {} : { subject: bareDescriptor(content.subject) }),
    blobs,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
