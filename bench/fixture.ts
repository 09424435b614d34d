import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

interface Written {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const CHUNK = 1024 * 1024;
/** Said to be compressed already, as noise is, so that no peer spends its time on that. */
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

async function writeBlob(
  root: string,
  mediaType: string,
  chunks: Iterable<Uint8Array>,
  mode = 0o444,
): Promise<Written> {
  const temporary = join(root, "blobs", "sha256", `.writing-${randomBytes(8).toString("hex")}`);
  const hash = createHash("sha256");
  const file = await open(temporary, "wx");
  let size = 0;
  for (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.length;
    await file.write(chunk);
  }
  await file.sync();
  await file.close();
  const hex = hash.digest("hex");
  await rename(temporary, join(root, "blobs", "sha256", hex));
  await chmod(join(root, "blobs", "sha256", hex), mode);
  return { mediaType, digest: `sha256:${hex}`, size };
}

function* noise(size: number): Generator<Uint8Array> {
  // One random block, stamped anew: incompressible, and made faster than a disk takes it.
  const block = randomBytes(CHUNK);
  for (let left = size, at = 0; left > 0; left -= CHUNK, at += 1) {
    block.writeUInt32LE(at, 0);
    yield block.subarray(0, Math.min(left, CHUNK));
  }
}

/**
 * Writes an image layout, tag `v1`, with layers of these sizes (bytes); plain files, no tool of ours
 * involved. Blobs that are read-only, as berth leaves them, may be hard-linked into another layout.
 */
export async function writeLayout(root: string, layers: readonly number[], mode = 0o444): Promise<void> {
  await mkdir(join(root, "blobs", "sha256"), { recursive: true });
  const written: Written[] = [];
  for (const size of layers) written.push(await writeBlob(root, LAYER, noise(size), mode));
  const config = await writeBlob(root, "application/vnd.oci.image.config.v1+json", [
    Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        rootfs: { type: "layers", diff_ids: written.map((layer) => layer.digest) },
      }),
    ),
  ]);
  const manifest = await writeBlob(root, "application/vnd.oci.image.manifest.v1+json", [
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config,
        layers: written,
      }),
    ),
  ]);
  await writeFile(join(root, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(
    join(root, "index.json"),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ ...manifest, annotations: { "org.opencontainers.image.ref.name": "v1" } }],
    }),
  );
}
