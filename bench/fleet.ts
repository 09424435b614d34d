import { writeFile } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { check, digestOf, IMAGE_MANIFEST, pushBlob, pushManifest } from "./client.ts";
import { noise, type NoiseBlob, noiseBlob } from "./noise.ts";
import { type Kind, type Server, startAll } from "./servers/server.ts";

/** Servers that run side by side, all with the same content. */
export interface Fleet {
  readonly servers: readonly Server[];
  readonly manifest: { readonly digest: string; readonly size: number };
  /** 4 KiB each. */
  readonly small: readonly string[];
  /** 1 GiB. */
  readonly large: NoiseBlob;
}

export const REPOSITORY = "bench/image";
export const TAG = "v1";
const SMALL = 4096;
const SMALLS = 500;
/** Enough for a manifest of 3.5 KB. */
const LAYERS = 20;
const LARGE = 1024 ** 3;

/** Starts them and pushes an image, many small blobs and a large one; nginx gets files of the same sizes. */
export async function startFleet(kinds: readonly Kind[], folder: string): Promise<Fleet> {
  const servers = await startAll(kinds, folder);
  const block = Buffer.concat([...noise(SMALL * SMALLS)]);
  const smalls = Array.from({ length: SMALLS }, (_, at) => block.subarray(at * SMALL, (at + 1) * SMALL));
  const large = noiseBlob(LARGE);
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }),
  );
  const descriptor = (bytes: Uint8Array, mediaType: string): object => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST,
    config: descriptor(config, "application/vnd.oci.image.config.v1+json"),
    layers: smalls.slice(0, LAYERS).map((bytes) => descriptor(bytes, "application/vnd.oci.image.layer.v1.tar+gzip")),
  });
  for (const server of servers) {
    if (server.name === "nginx") {
      await writeFile(join(server.data, "manifest"), manifest);
      await writeFile(join(server.data, "small"), smalls[0] ?? "");
      await pipeline(Readable.from(large.chunks()), createWriteStream(join(server.data, "large")));
      continue;
    }
    for (const bytes of [config, ...smalls]) {
      await pushBlob(server, REPOSITORY, { digest: digestOf(bytes), size: bytes.length }, bytes);
    }
    await pushBlob(server, REPOSITORY, large, large.chunks());
    await pushManifest(server, REPOSITORY, TAG, manifest);
  }
  return {
    servers,
    manifest: { digest: digestOf(manifest), size: Buffer.byteLength(manifest) },
    small: smalls.map((bytes) => digestOf(bytes)),
    large,
  };
}

/** Where a server has the thing that a row asks for. */
export function pathOf(server: Server, fleet: Fleet, what: "tag" | "digest" | "small" | "large"): readonly string[] {
  if (server.name === "nginx") return [what === "tag" || what === "digest" ? "/manifest" : `/${what}`];
  const base = `/v2/${REPOSITORY}`;
  switch (what) {
    case "tag":
      return [`${base}/manifests/${TAG}`];
    case "digest":
      return [`${base}/manifests/${fleet.manifest.digest}`];
    case "small":
      return fleet.small.map((digest) => `${base}/blobs/${digest}`);
    case "large":
      return [`${base}/blobs/${fleet.large.digest}`];
  }
}

/** Looks at each answer once: status, size and digest. */
export async function checkFleet(fleet: Fleet, what: "tag" | "digest" | "small" | "large"): Promise<void> {
  for (const server of fleet.servers) {
    const [path = ""] = pathOf(server, fleet, what);
    const expected =
      what === "small"
        ? { digest: fleet.small[0] ?? "", size: SMALL }
        : what === "large"
          ? fleet.large
          : fleet.manifest;
    await check(server, path, expected);
  }
}
