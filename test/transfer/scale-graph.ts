/**
 * Run as a program: writes a generated graph as the layout FOLDER/source, tag v1, with plain
 * file calls, and prints how many nodes it has.
 *
 * Usage: node scale-graph.ts wide|deep FOLDER COUNT
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Node {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const [shape = "", folder = "", countText = "0"] = process.argv.slice(2);
const count = Number(countText);
const source = join(folder, "source");
mkdirSync(join(source, "blobs", "sha256"), { recursive: true });
let written = 0;

function write(mediaType: string, content: string): Node {
  const bytes = Buffer.from(content);
  const hex = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(join(source, "blobs", "sha256", hex), bytes, { mode: 0o444 });
  written += 1;
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

const INDEX = "application/vnd.oci.image.index.v1+json";

function index(manifests: readonly Node[], seed: string): Node {
  return write(INDEX, JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests, annotations: { seed } }));
}

function image(seed: string): Node {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const config = write(
    "application/vnd.oci.image.config.v1+json",
    `{"os":"linux","architecture":"amd64","seed":"${seed}"}`,
  );
  const layer = write("application/vnd.oci.image.layer.v1.tar", `layer ${seed}`);
  return write(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
}

/** An index of indexes of images: about `count` nodes. */
function wide(): Node {
  const perIndex = 300;
  const groups: Node[] = [];
  while (written < count - 1) {
    const images: Node[] = [];
    for (let at = 0; at < perIndex && written < count - 2; at += 1) images.push(image(`${groups.length}-${at}`));
    groups.push(index(images, `group ${groups.length}`));
  }
  return index(groups, "top");
}

/** An index in an index in an index, `count` times. */
function deep(): Node {
  let top = image("bottom");
  for (let at = 0; at < count; at += 1) top = index([top], `level ${at}`);
  return top;
}

const root = shape === "deep" ? deep() : wide();
writeFileSync(join(source, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`);
writeFileSync(
  join(source, "index.json"),
  JSON.stringify({
    schemaVersion: 2,
    manifests: [{ ...root, annotations: { "org.opencontainers.image.ref.name": "v1" } }],
  }),
);

process.stdout.write(`${JSON.stringify({ written, digest: root.digest })}\n`);
