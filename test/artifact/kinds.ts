import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { inside } from "../cli/inside.ts";
import { image, json, type Piece, piece, pushBlob, pushImage, pushManifest } from "../support/content.ts";
import { type Scene, treeOf } from "./scene.ts";

/** One kind of artifact, as the tools that made it up know it. */
export interface ArtifactKind {
  readonly name: string;
  readonly config: { readonly mediaType: string; readonly content: string };
  /** What is said of it beside its files. */
  readonly args?: readonly string[];
  /** Its files by name; one that ends in a slash is a folder with one file in it. */
  readonly layers: Readonly<Record<string, { readonly mediaType: string; readonly content: string | Uint8Array }>>;
}

export const SCRATCH = "application/vnd.oci.scratch.v1+json";

/** A module of no sections: the magic number and the version. */
const WASM = Buffer.from("0061736d01000000", "hex");
/** The beginning of an ELF object for the BPF machine. */
const ELF = Buffer.from("7f454c460201010000000000000000000100f70001000000", "hex");

export const kinds: readonly ArtifactKind[] = [
  {
    name: "helm",
    config: {
      mediaType: "application/vnd.cncf.helm.config.v1+json",
      content: '{"name":"app","version":"0.1.0","apiVersion":"v2"}',
    },
    layers: {
      "app-0.1.0.tgz": {
        mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        content: gzipSync("chart"),
      },
      "app-0.1.0.tgz.prov": { mediaType: "application/vnd.cncf.helm.chart.provenance.v1.prov", content: "signed" },
    },
  },
  {
    name: "wasm",
    config: {
      mediaType: "application/vnd.wasm.config.v0+json",
      content: '{"architecture":"wasm","os":"wasip1","layerDigests":[]}',
    },
    layers: { "module.wasm": { mediaType: "application/wasm", content: WASM } },
  },
  {
    name: "ebpf",
    config: { mediaType: "application/ebpf.oci.image.config.v1+json", content: "{}" },
    args: ["-a", "org.opencontainers.image.description=counts packets"],
    layers: { "program.o": { mediaType: "application/ebpf.oci.image.program.v1+binary", content: ELF } },
  },
  {
    name: "flux",
    config: { mediaType: "application/vnd.cncf.flux.config.v1+json", content: "{}" },
    args: ["-a", "org.opencontainers.image.revision=main@sha1:0b1c"],
    layers: {
      "deploy/": { mediaType: "application/vnd.cncf.flux.content.v1.tar+gzip", content: "kind: ConfigMap\n" },
    },
  },
  {
    name: "scratch",
    config: { mediaType: SCRATCH, content: "{}" },
    args: ["--artifact-type", "application/vnd.example.old"],
    layers: { "old.txt": { mediaType: "text/plain", content: "from before 1.1" } },
  },
];

/** Runs a line of berth in a scene's directory, which has to succeed. */
export async function ran(scene: Scene, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await inside(args, { cwd: scene.root });
  assert.equal(code, 0, `berth ${args.join(" ")}: ${err}`);
  return out.trim();
}

function filesOf({ layers }: ArtifactKind): Readonly<Record<string, string | Uint8Array>> {
  const named = Object.entries(layers).map(([name, { content }]) => [
    name.endsWith("/") ? `${name}file.yaml` : name,
    content,
  ]);
  return Object.fromEntries(named) as Readonly<Record<string, string | Uint8Array>>;
}

/** Pushes an artifact of a kind into the layout of a scene, tagged with its kind; gives its digest. */
export async function pushKind(scene: Scene, kind: ArtifactKind): Promise<string> {
  const { name, config, layers, args = [] } = kind;
  await scene.write({ "config.json": config.content, ...filesOf(kind) });
  const files = Object.entries(layers).map(([file, { mediaType }]) => `${file.replace(/\/$/, "")}:${mediaType}`);
  const typed = ["--config", `config.json:${config.mediaType}`, ...args];
  await ran(scene, "push", `ocidir://start:${name}`, ...files, ...typed);
  return ran(scene, "digest", `ocidir://start:${name}`);
}

/** Copies a tag from layout to registry to archive to layout: the same digest and the same bytes each time. */
export async function goesRound(scene: Scene, repository: string, tag: string): Promise<void> {
  const stations = [`ocidir://start:${tag}`, `${repository}:${tag}`, `oci-archive:${tag}.tar:${tag}`, `./end:${tag}`];
  const first = stations[0] ?? "";
  const digest = await ran(scene, "digest", first);
  const bytes = await ran(scene, "manifest", "get", first, "--raw");
  for (const [at, target] of stations.entries()) {
    const source = stations[at - 1];
    if (source === undefined) continue;
    await ran(scene, "copy", source, target);
    assert.equal(await ran(scene, "digest", target), digest, target);
    assert.equal(await ran(scene, "manifest", "get", target, "--raw"), bytes, target);
  }
}

/** Pulls an artifact of a kind from where a round ended and compares it with what was pushed. */
export async function pullsKind(scene: Scene, kind: ArtifactKind): Promise<void> {
  await ran(scene, "pull", `./end:${kind.name}`, "-o", `out-${kind.name}`);
  const found = await treeOf(scene.path(`out-${kind.name}`));
  const expected = Object.entries(filesOf(kind)).map(([name, content]) => [
    name,
    Buffer.from(content).toString("latin1"),
  ]);
  const files = Object.entries(found).filter(([name]) => !name.endsWith("/"));
  assert.deepEqual(Object.fromEntries(files), Object.fromEntries(expected));
}

/** Old artifacts that nobody writes any more, on an image tagged `subject`, each with a tag of its own. */
export async function pushOldKinds(scene: Scene): Promise<Readonly<Record<string, Descriptor>>> {
  await using store = await openLayout(scene.path("start"), { create: true });
  const subject = await pushImage(store, image("subject"), ["subject"]);
  const titled = { "org.opencontainers.image.title": "old.txt" };
  const content = piece("old", "text/plain");
  const scratch = piece("{}", SCRATCH);
  const file = { ...content.descriptor, annotations: titled };
  const artifactType = "application/vnd.example.old";
  const artifact = (mediaType: string, key: string): Piece =>
    json(
      { mediaType, artifactType, blobs: [file], subject, annotations: { [key]: "2022-11-14T22:13:20Z" } },
      mediaType,
    );
  const made: Readonly<Record<string, Piece>> = {
    "oras-artifact": artifact(MediaType.OrasArtifactManifest, "io.cncf.oras.artifact.created"),
    "oci-artifact": artifact(MediaType.OciArtifactManifest, "org.opencontainers.artifact.created"),
    "scratch-layer": json(
      {
        schemaVersion: 2,
        mediaType: MediaType.ImageManifest,
        artifactType,
        config: scratch.descriptor,
        layers: [scratch.descriptor],
        subject,
      },
      MediaType.ImageManifest,
    ),
  };
  await pushAll(store, [content, scratch], made);
  return Object.fromEntries(Object.entries(made).map(([tag, { descriptor }]) => [tag, descriptor]));
}

async function pushAll(store: Store, blobs: readonly Piece[], made: Readonly<Record<string, Piece>>): Promise<void> {
  for (const part of blobs) await pushBlob(store, part);
  for (const [tag, part] of Object.entries(made)) await pushManifest(store, part, [tag]);
}
