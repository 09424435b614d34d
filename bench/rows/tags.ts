import { ask, IMAGE_MANIFEST } from "../client.ts";
import { load } from "../load/run.ts";
import { interleave, time } from "../measure.ts";
import type { Bench, Column, Entry, Row } from "../row.ts";
import { registries, versionsOf } from "../servers/kinds.ts";
import type { Server } from "../servers/server.ts";
import { TAGGED, tagNames, VARIANTS } from "../servers/tags.ts";

const IN_FLIGHT = 16;
const PAGE = 100;
/** Seconds of tags put: even zot's handful a second are enough to count. */
const LONGEST = 5;

/** Runs something against registries that hold very many tags in one repository. */
async function withTags(
  bench: Bench,
  run: (server: Server, round: number) => Promise<Readonly<Record<string, number>>>,
): Promise<Entry[]> {
  const servers = await bench.tagged();
  await time(["sync"]);
  return await interleave(
    servers.map((server) => ({ name: server.name, run: (round: number) => run(server, round) })),
    bench.rounds,
  );
}

/** Moves tags, each to another manifest than it had, 16 requests in flight; each answer means durable. */
export async function tagPut(bench: Bench): Promise<Row> {
  const names = tagNames(bench.many);
  const next = new Map<string, number>();
  const entries = await withTags(bench, async (server) => {
    const first = next.get(server.name) ?? names.length;
    const { rate, processor, answers } = await load(server, {
      connections: IN_FLIGHT,
      seconds: Math.min(LONGEST, bench.seconds),
      status: 201,
      method: "PUT",
      paths: names.map((tag) => `/v2/${TAGGED}/manifests/${tag}`),
      // The first pass over all names moves every tag from the first variant to the second, and so on.
      first,
      headers: { "content-type": IMAGE_MANIFEST },
      bodies: VARIANTS,
    });
    next.set(server.name, first + answers);
    return { rate, processor: processor * 1000 };
  });
  const columns: readonly Column[] = [
    { key: "rate", label: "tags/s", better: "more", goals: { distribution: 5 } },
    { key: "processor", label: "CPU µs/tag", better: "less" },
  ];
  const versions = versionsOf(registries(bench.berth));
  return { title: `tag PUT, durable, ${IN_FLIGHT} in flight, at ${bench.many} tags`, versions, columns, entries };
}

/** A page from the middle of the list of tags. */
export async function tagList(bench: Bench): Promise<Row> {
  const names = tagNames(bench.many);
  const middle = Math.floor(names.length / 2);
  const path = `/v2/${TAGGED}/tags/list?n=${PAGE}&last=${names[middle]}`;
  const expected = names.slice(middle + 1, middle + 1 + PAGE).join();
  const entries = await withTags(bench, async (server) => {
    const { body } = await ask(server, { method: "GET", path, status: 200 });
    const { tags } = JSON.parse(body.toString()) as { readonly tags: readonly string[] };
    if (tags.join() !== expected) throw new Error(`${server.name} lists other tags: ${tags.join()}`);
    const { latency, processor } = await load(server, {
      connections: 1,
      seconds: Math.min(2, bench.seconds),
      status: 200,
      method: "GET",
      paths: [path],
    });
    return { latency, processor };
  });
  const columns: readonly Column[] = [
    { key: "latency", label: "ms", digits: 2, better: "less", goals: { distribution: 0.05 } },
    { key: "processor", label: "CPU ms", digits: 2, better: "less" },
  ];
  return {
    title: `tags/list, page of ${PAGE} at ${bench.many} tags`,
    versions: versionsOf(registries(bench.berth)),
    columns,
    entries,
  };
}
