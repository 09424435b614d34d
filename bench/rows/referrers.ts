import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ask, digestOf, IMAGE_MANIFEST, pushBlob, pushManifest } from "../client.ts";
import { load } from "../load/run.ts";
import { interleave } from "../measure.ts";
import type { Bench, Row } from "../row.ts";
import { berthKind } from "../servers/berth.ts";
import { type Server, startAll, stopAll } from "../servers/server.ts";

const REPOSITORY = "bench/referrers";
const CONFIG = Buffer.from("{}");
const CONFIG_DESCRIPTOR = {
  mediaType: "application/vnd.oci.empty.v1+json",
  digest: digestOf(CONFIG),
  size: CONFIG.length,
};
const MANY = 10_000;
const FEW = 100;
const PAGE = 100;
const IN_FLIGHT = 16;

function manifest(more: object): string {
  const base = { schemaVersion: 2, mediaType: IMAGE_MANIFEST, config: CONFIG_DESCRIPTOR, layers: [] };
  return JSON.stringify({ ...base, ...more });
}

/** A subject and so many referrers of it, all through the API; returns the path of a page from their middle. */
async function fill(server: Server, many: number): Promise<string> {
  const image = manifest({ annotations: { many: `${many}` } });
  await pushManifest(server, REPOSITORY, `subject-${many}`, image);
  const subject = { mediaType: IMAGE_MANIFEST, digest: digestOf(image), size: Buffer.byteLength(image) };
  const digests: string[] = [];
  let left = many;
  async function work(): Promise<void> {
    for (let at = left--; at > 0; at = left--) {
      const body = manifest({ artifactType: "application/vnd.example.scan", subject, annotations: { at: `${at}` } });
      const digest = digestOf(body);
      await pushManifest(server, REPOSITORY, digest, body);
      digests.push(digest);
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  const after = many > PAGE ? `&last=${digests.toSorted()[many / 2]}` : "";
  const path = `/v2/${REPOSITORY}/referrers/${subject.digest}?n=${PAGE}${after}`;
  const { body } = await ask(server, { method: "GET", path, status: 200 });
  const { manifests } = JSON.parse(body.toString()) as { readonly manifests: readonly unknown[] };
  if (manifests.length !== PAGE) throw new Error(`Expected a page of ${PAGE} referrers, got ${manifests.length}`);
  return path;
}

/** A page of referrers where there are many beside the same page where there are no more: ours against ours. */
export async function referrers(bench: Bench): Promise<Row> {
  const folder = join(bench.folder, "referrers");
  await mkdir(folder);
  const servers = await startAll([berthKind(bench.berth)], folder);
  const [server] = servers;
  if (!server) throw new Error("berth did not start");
  try {
    await pushBlob(server, REPOSITORY, CONFIG_DESCRIPTOR, CONFIG);
    const paths = { [`at ${MANY}`]: await fill(server, MANY), [`at ${FEW}`]: await fill(server, FEW) };
    const entries = await interleave(
      Object.entries(paths).map(([name, path]) => ({
        name,
        run: async () => {
          const seconds = Math.min(2, bench.seconds);
          const job = { connections: 1, seconds, status: 200, method: "GET", paths: [path] } as const;
          const { latency, processor } = await load(server, job);
          return { latency, processor };
        },
      })),
      bench.rounds,
    );
    return {
      title: `berth: a page of ${PAGE} referrers of ${MANY}`,
      versions: {},
      columns: [
        { key: "latency", label: "ms", digits: 3, better: "less", goals: { [`at ${FEW}`]: 1.2 } },
        { key: "processor", label: "CPU ms", digits: 3, better: "less" },
      ],
      entries,
    };
  } finally {
    await stopAll(servers, folder);
  }
}
