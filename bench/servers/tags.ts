import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, digestOf, IMAGE_MANIFEST, pushBlob, pushManifest } from "../client.ts";
import { loadOnce } from "../load/run.ts";
import { type Kind, type Server, startAll } from "./server.ts";

export const TAGGED = "bench/tags";
const CONFIG = Buffer.from("{}");
/** Files written at once. */
const TOGETHER = 64;

/** Small manifests that differ; a tag moves from one to the next. */
export const VARIANTS: readonly string[] = ["a", "b", "c"].map((variant) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST,
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(CONFIG), size: CONFIG.length },
    layers: [],
    annotations: { variant },
  }),
);

/** The names of so many tags, in their order. */
export function tagNames(many: number): string[] {
  return Array.from({ length: many }, (_, at) => `t${`${at}`.padStart(6, "0")}`);
}

/** Starts each kind that is installed, with so many tags in one repository. */
export async function startTagged(kinds: readonly Kind[], folder: string, many: number): Promise<readonly Server[]> {
  const servers = await startAll(kinds, folder);
  for (const server of servers) await fillTags(server, many);
  return servers;
}

/**
 * Gives a repository so many tags of the first variant. berth gets them through its API; the others as the
 * files that they would write themselves, since through their API it takes from minutes to hours.
 */
async function fillTags(server: Server, many: number): Promise<void> {
  await pushBlob(server, TAGGED, { digest: digestOf(CONFIG), size: CONFIG.length }, CONFIG);
  const [first, ...others] = tagNames(many);
  if (first === undefined) return;
  for (const manifest of VARIANTS.toReversed()) await pushManifest(server, TAGGED, first, manifest);
  await (FILL[server.name] ?? throughApi)(server, others);
  await confirm(server, many);
}

const FILL: Readonly<Record<string, (server: Server, tags: readonly string[]) => Promise<void>>> = {
  distribution: asLinks,
  "docker-registry": asLinks,
  zot: asIndex,
};

async function throughApi(server: Server, tags: readonly string[]): Promise<void> {
  await loadOnce(server, {
    method: "PUT",
    status: 201,
    paths: tags.map((tag) => `/v2/${TAGGED}/manifests/${tag}`),
    headers: { "content-type": IMAGE_MANIFEST },
    bodies: VARIANTS.slice(0, 1),
  });
}

/** Two small files for a tag: which digest it has, and which it ever had. */
async function asLinks(server: Server, tags: readonly string[]): Promise<void> {
  const digest = digestOf(VARIANTS[0] ?? "");
  const home = join(server.data, "docker", "registry", "v2", "repositories", TAGGED, "_manifests", "tags");
  const link = async (folder: string): Promise<void> => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "link"), digest);
  };
  const left = [...tags];
  async function work(): Promise<void> {
    for (let tag = left.pop(); tag !== undefined; tag = left.pop()) {
      await link(join(home, tag, "current"));
      await link(join(home, tag, "index", digest.replace(":", "/")));
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, work));
}

interface Index {
  readonly manifests: readonly object[];
}

/** An entry of index.json for a tag. */
async function asIndex(server: Server, tags: readonly string[]): Promise<void> {
  const file = join(server.data, TAGGED, "index.json");
  const index = JSON.parse(await readFile(file, "utf8")) as Index;
  const [body = ""] = VARIANTS;
  const descriptor = { mediaType: IMAGE_MANIFEST, digest: digestOf(body), size: Buffer.byteLength(body) };
  const added = tags.map((tag) => ({ ...descriptor, annotations: { "org.opencontainers.image.ref.name": tag } }));
  await writeFile(file, JSON.stringify({ ...index, manifests: [...index.manifests, ...added] }));
}

/** The last page says that all are there. */
async function confirm(server: Server, many: number): Promise<void> {
  const names = tagNames(many);
  const last = names.at(-3) ?? "";
  const { body } = await ask(server, { method: "GET", path: `/v2/${TAGGED}/tags/list?n=10&last=${last}`, status: 200 });
  const { tags } = JSON.parse(body.toString()) as { readonly tags: readonly string[] };
  if (tags.join() !== names.slice(-2).join()) throw new Error(`${server.name} does not list its tags: ${tags.join()}`);
}
