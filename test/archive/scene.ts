import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openArchive } from "../../src/archive/open-archive.ts";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import type { TarEntry } from "../../src/tar/entry.ts";
import { fileBytes } from "../../src/tar/file.ts";
import { readTar } from "../../src/tar/read.ts";
import { type TarInput, writeTar } from "../../src/tar/write.ts";
import { type ImageParts, pushImage, readAll, toArray } from "../support/content.ts";

/** A folder of its own, removed when disposed. */
export async function scene(): Promise<{ readonly path: (name: string) => string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "berth-archive-test-"));
  return {
    path: (name) => join(folder, name),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The names in a folder, hidden ones included. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).toSorted();
}

/** An entry to be put into a tar. */
export function tarInput(path: string, content: string | Uint8Array = "", extra: Partial<TarEntry> = {}): TarInput {
  const bytes = Buffer.from(content);
  const entry: TarEntry = {
    path,
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    modifiedAt: 0,
    size: bytes.length,
    ...extra,
  };
  return entry.type === "file" ? { entry, content: () => fromBuffer(bytes) } : { entry };
}

export async function tarOf(inputs: readonly TarInput[]): Promise<Buffer> {
  return readAll(writeTar(inputs));
}

/** The entries of a plain tar with their contents. */
export async function entriesOf(path: string): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const { entry, content } of readTar(fileBytes(path))) found.set(entry.path, await readAll(content()));
  return found;
}

/** Makes an archive with one image. */
export async function archiveWith(path: string, parts: ImageParts, tags: readonly string[] = ["v1"]): Promise<void> {
  await using store = await openArchive(path, { create: true });
  await pushImage(store, parts, tags);
  await store.commit();
}

export async function tagsOf(path: string): Promise<readonly string[]> {
  await using store = await openArchive(path, { readOnly: true });
  return (await toArray(store.tags())).map(({ name }) => name);
}
