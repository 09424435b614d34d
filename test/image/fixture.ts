import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { collect } from "../../src/bytes/collect.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import { type ImageConfig, parseImageConfig } from "../../src/spec/image-config.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { JsonObject } from "../../src/spec/json.ts";
import type { Platform } from "../../src/spec/platform.ts";
import type { Source, Store } from "../../src/store/store.ts";

export const amd64: Platform = { architecture: "amd64", os: "linux" };
export const arm64: Platform = { architecture: "arm64", os: "linux" };

/** A folder that is removed after the test. */
export async function temporary(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "berth-image-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A small application: a program, data, a link, a long name. */
export async function application(t: TestContext, text = "hello"): Promise<string> {
  const path = await temporary(t);
  await mkdir(join(path, "lib", "deep"), { recursive: true });
  await writeFile(join(path, "run.sh"), `#!/bin/sh\necho ${text}\n`, { mode: 0o755 });
  await writeFile(join(path, "lib", "deep", "data.txt"), text.repeat(1000), { mode: 0o644 });
  await writeFile(join(path, "lib", "n".repeat(150)), "long");
  await symlink("deep/data.txt", join(path, "lib", "link"));
  return path;
}

export async function bytesOf(source: Source, descriptor: Descriptor, kind: "manifest" | "blob"): Promise<Buffer> {
  return Buffer.from(await collect(source.fetch(descriptor, { kind }), 1 << 28, "test content"));
}

export async function documentOf(source: Source, descriptor: Descriptor): Promise<JsonObject> {
  return JSON.parse((await bytesOf(source, descriptor, "manifest")).toString()) as JsonObject;
}

export async function configOf(source: Source, descriptor: Descriptor): Promise<ImageConfig> {
  const document = await documentOf(source, descriptor);
  return parseImageConfig(await bytesOf(source, document["config"] as unknown as Descriptor, "blob"));
}

export function layersOf(document: JsonObject): readonly Descriptor[] {
  return document["layers"] as unknown as readonly Descriptor[];
}

export function childrenOf(document: JsonObject): readonly Descriptor[] {
  return document["manifests"] as unknown as readonly Descriptor[];
}

/** Stores a document and returns its descriptor. */
export async function put(
  store: Store,
  kind: "manifest" | "blob",
  mediaType: string,
  document: object,
): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(document));
  const descriptor: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, () => fromBuffer(bytes), { kind });
  return descriptor;
}
