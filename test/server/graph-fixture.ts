import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Algorithm } from "../../src/spec/digest.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { json, type Piece, piece } from "../support/content.ts";

/** A set of content as a client pushes it: blobs, then manifests in this order. */
export interface Graph {
  readonly name: string;
  readonly blobs: readonly Piece[];
  readonly manifests: readonly Piece[];
  /** What hangs on which digest, by the artifact type it is listed under. */
  readonly referrers?: readonly {
    readonly subject: string;
    readonly referrer: Piece;
    readonly artifactType?: string;
  }[];
}

const ARTIFACT = "application/vnd.example.sbom.v1+json";
const CONFIG = "application/vnd.example.config.v1+json";

interface Made {
  readonly blobs: readonly Piece[];
  readonly manifest: Piece;
}

/** An image manifest of the given fields, with content of its own. */
function made(seed: string, extra: Record<string, unknown> = {}, options: MadeOptions = {}): Made {
  const { algorithm = "sha256", config = MediaType.ImageConfig, layer = MediaType.LayerGzip, layers = 2 } = options;
  const configuration =
    config === MediaType.Empty ? piece("{}", config, algorithm) : piece(`{"seed":"${seed}"}`, config, algorithm);
  const contents = Array.from({ length: layers }, (_, at) => piece(`${seed} layer ${at}`, layer, algorithm));
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      config: configuration.descriptor,
      layers: contents.map(({ descriptor }) => descriptor),
      ...extra,
    },
    MediaType.ImageManifest,
    algorithm,
  );
  return { blobs: [configuration, ...contents], manifest };
}

interface MadeOptions {
  readonly algorithm?: Algorithm;
  readonly config?: string;
  readonly layer?: string;
  readonly layers?: number;
}

function indexOf(children: readonly Piece[], extra: Record<string, unknown> = {}, algorithm?: Algorithm): Piece {
  const manifests = children.map(({ descriptor }, at) => ({
    ...descriptor,
    platform: { os: "linux", architecture: at === 0 ? "amd64" : "arm64" },
  }));
  return json(
    { schemaVersion: 2, mediaType: MediaType.ImageIndex, manifests, ...extra },
    MediaType.ImageIndex,
    algorithm,
  );
}

function of(name: string, ...parts: readonly Made[]): Graph {
  return { name, blobs: parts.flatMap(({ blobs }) => blobs), manifests: parts.map(({ manifest }) => manifest) };
}

function wrapped(name: string, parts: readonly Made[], ...indexes: readonly Piece[]): Graph {
  const graph = of(name, ...parts);
  return { ...graph, manifests: [...graph.manifests, ...indexes] };
}

const bare = (part: Piece): Descriptor => part.descriptor;

/** Every form of content that the specifications allow, under one algorithm. */
export function graphs(algorithm: Algorithm): readonly Graph[] {
  const make = (seed: string, extra: Record<string, unknown> = {}, options: MadeOptions = {}): Made =>
    made(`${seed} ${algorithm}`, extra, { algorithm, ...options });
  const [first, second] = [make("amd64"), make("arm64")];
  const both = indexOf([first.manifest, second.manifest], {}, algorithm);
  const artifact = make("artifact", { artifactType: ARTIFACT }, { config: MediaType.Empty, layer: "text/plain" });
  const subject = make("subject");
  const typed = make("typed", { artifactType: ARTIFACT, subject: bare(subject.manifest), annotations: { a: "1" } });
  const untyped = make("untyped", { subject: bare(subject.manifest) }, { config: CONFIG });
  const pointing = indexOf([first.manifest], { subject: bare(subject.manifest), artifactType: "x/y" }, algorithm);
  const absent = make("never pushed").manifest;
  const orphan = make("orphan", { artifactType: ARTIFACT, subject: bare(absent) });
  const inline = piece(`{"seed":"inline ${algorithm}"}`, MediaType.ImageConfig, algorithm);
  const data = Buffer.from(inline.bytes).toString("base64");
  const foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  const elsewhere = make("foreign", {}, { layer: foreign });
  const config = bare(inline);
  return [
    of("an image", make("image")),
    of("an image of plain tars", make("tar", {}, { layer: MediaType.Layer })),
    of("an image without layers", make("no layers", {}, { layers: 0 })),
    of("a large manifest", make("large", { annotations: { "org.example.long": "x".repeat(3_900_000) } })),
    of("fields that nobody knows", make("fields", { "org.example.field": { deep: [1, "two", null] }, extra: true })),
    {
      name: "data in a descriptor",
      blobs: [inline],
      manifests: [make("data", { config: { ...config, data } }, { layers: 0 }).manifest],
    },
    { name: "layers that are not distributed", blobs: elsewhere.blobs.slice(0, 1), manifests: [elsewhere.manifest] },
    wrapped("an index", [first, second], both),
    wrapped("an index in an index", [first, second], both, indexOf([both, first.manifest], {}, algorithm)),
    wrapped("an index of nothing", [], indexOf([], { annotations: { of: algorithm } }, algorithm)),
    wrapped("an index whose children are elsewhere", [first], indexOf([first.manifest, absent], {}, algorithm)),
    of("an artifact", artifact),
    of("an artifact of its config alone", make("config", { artifactType: ARTIFACT }, { config: CONFIG, layers: 0 })),
    wrapped(
      "an index that is an artifact",
      [artifact],
      indexOf([artifact.manifest], { artifactType: ARTIFACT }, algorithm),
    ),
    {
      ...wrapped("a subject and all that hangs on it", [subject, typed, untyped, first], pointing),
      referrers: [
        { subject: subject.manifest.descriptor.digest, referrer: typed.manifest, artifactType: ARTIFACT },
        { subject: subject.manifest.descriptor.digest, referrer: untyped.manifest, artifactType: CONFIG },
        { subject: subject.manifest.descriptor.digest, referrer: pointing, artifactType: "x/y" },
      ],
    },
    {
      ...of("a referrer of what is not here", orphan),
      referrers: [{ subject: absent.descriptor.digest, referrer: orphan.manifest, artifactType: ARTIFACT }],
    },
  ];
}
