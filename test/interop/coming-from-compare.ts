import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isOciError } from "../../src/error/oci-error.ts";
import { chooseImage } from "../../src/image/choose-image.ts";
import { listImageFiles } from "../../src/image/image-files.ts";
import { openLocator } from "../../src/open/open-locator.ts";
import { nameOf, type Opened } from "../../src/open/opened.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { storedCredentials } from "../../src/remote/stored-credentials.ts";
import { parseLocator } from "../../src/spec/locator.ts";
import { parseDigestTag } from "../../src/spec/referrer.ts";
import { readTar } from "../../src/tar/read.ts";
import { readAll } from "../support/content.ts";
import type { Scene } from "./coming-from-scene.ts";

interface Document {
  readonly manifests?: readonly Descriptor[];
  readonly layers?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly annotations?: Descriptor["annotations"];
}

/** What the last column of the page names, as a value that can be compared. */
export async function compared(same: string, printed: string, scene: Scene): Promise<unknown> {
  switch (same) {
    case "output":
      return printed;
    case "lines":
      return printed.split("\n").toSorted();
    case "JSON":
      return JSON.parse(printed);
    case "changes":
      return printed
        .split("\n")
        .flatMap((line) => (/^[-+](?![-+]{2} )/.exec(line) ? [`${line[0]} ${line.slice(1).trim()}`] : []));
    case "digests":
      return [...new Set(printed.match(/sha256:[0-9a-f]{64}/g))].toSorted();
  }
  const [what, ...rest] = same.split(" ");
  const place = rest.at(-1);
  if (place === undefined) return at(same, scene, async (opened) => (await rootOf(opened)).digest);
  if (what === "file") return readFile(join(scene.folder, place), "utf8");
  if (what === "login") return storedCredentials({ env: scene.env })({ host: scene.host });
  if (what === "tar") return tarContents(join(scene.folder, place));
  return at(place, scene, async (opened) => inspect(what ?? "", opened));
}

/** What a tar has, in any order; folders that only lead to something are no matter. */
async function tarContents(path: string): Promise<unknown> {
  const found: unknown[] = [];
  for await (const { entry, content } of readTar(createReadStream(path))) {
    const { type, mode, uid, gid, modifiedAt } = entry;
    if (type === "directory") continue;
    found.push([
      entry.path.replace(/^\//, ""),
      type,
      mode,
      uid,
      gid,
      modifiedAt,
      (await readAll(content())).toString(),
    ]);
  }
  return found.toSorted();
}

/** Opens what a line speaks of; what is not there is "nothing". */
async function at<T>(written: string, scene: Scene, look: (opened: Opened) => Promise<T>): Promise<T | "nothing"> {
  const locator = parseLocator(written.replaceAll("localhost:5000", scene.host));
  try {
    await using opened = await openLocator(locator, { mode: "read", env: {}, home: undefined, cwd: scene.folder });
    return await look(opened);
  } catch (error) {
    if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN")) return "nothing";
    throw error;
  }
}

async function rootOf(opened: Opened): Promise<Descriptor> {
  return opened.store.resolve(await nameOf(opened));
}

async function documentAt({ store }: Opened, descriptor: Descriptor): Promise<Document> {
  return JSON.parse((await readAll(store.fetch(descriptor))).toString()) as Document;
}

async function inspect(what: string, opened: Opened): Promise<unknown> {
  const { store } = opened;
  if (what === "tags") return tagsOf(opened);
  if (what === "blob") {
    if (opened.digest === undefined) throw new Error("a blob is named by its digest");
    return (await store.resolve({ digest: opened.digest }, { kind: "blob" })).size;
  }
  const root = await rootOf(opened);
  const document = await documentAt(opened, root);
  switch (what) {
    case "manifest":
      return document;
    case "annotations":
      return document.annotations;
    case "entries":
      return document.manifests;
    case "images":
      return document.manifests?.map(({ digest, platform }) => ({ digest, platform }));
    case "layers":
      return document.layers;
    case "files":
      return filesOf(opened, root);
    case "config":
      return configOf(opened, document);
    case "referrers":
      return [root.digest, await referrersOf(opened, root)];
  }
  throw new Error(`nothing known to compare in ${what}`);
}

async function tagsOf({ store }: Opened): Promise<unknown> {
  const found: unknown[] = [];
  for await (const { name } of store.tags()) {
    if (!parseDigestTag(name)) found.push([name, (await store.resolve({ tag: name })).digest]);
  }
  return found;
}

async function filesOf({ store }: Opened, root: Descriptor): Promise<unknown> {
  const files = await listImageFiles(await chooseImage(store, root, {}));
  return files.map(({ path, type, mode, size }) => [path, type, mode, size]);
}

/** What a program would run with; times and history differ from tool to tool. */
async function configOf({ store }: Opened, document: Document): Promise<unknown> {
  if (!document.config) throw new Error("no image");
  const text = (await readAll(store.fetch(document.config, { kind: "blob" }))).toString();
  const { architecture, os, config, rootfs } = JSON.parse(text) as Record<string, unknown>;
  return { architecture, os, config, rootfs };
}

/** Type and content: the manifests of two attachments differ in the time they were made. */
async function referrersOf(opened: Opened, subject: Descriptor): Promise<unknown> {
  const found: string[] = [];
  for await (const { descriptor } of opened.store.referrers(subject)) {
    const { layers = [] } = await documentAt(opened, descriptor);
    const content = layers.map(({ mediaType, digest }) => `${mediaType} ${digest}`).join(" ");
    found.push(`${descriptor.artifactType} ${content}`);
  }
  return found.toSorted();
}
