import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeLayout } from "../fixture.ts";
import { race, raceColumns, type Racer, time } from "../measure.ts";
import type { Bench, Row } from "../row.ts";
import { dockerRegistry } from "../servers/distribution.ts";
import type { Server } from "../servers/server.ts";
import { settle } from "../settle.ts";
import { type CopyTool, copyTools, versionsOf } from "./copy-peers.ts";

const MB = 1_000_000;
const TWENTY: readonly number[] = Array.from({ length: 20 }, () => 25 * MB);
const ONE: readonly number[] = [1024 ** 3];
/** Images of the row of many; each has a configuration and two layers. */
const IMAGES = 100;

/** A registry in a folder of its own, removed with it. */
async function registryAt(home: string): Promise<Server & { remove: () => Promise<void> }> {
  await mkdir(home, { recursive: true });
  const server = await dockerRegistry.start(home);
  const remove = async (): Promise<void> => {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  };
  return { ...server, stop: () => server.stop(), remove };
}

/** A docker-registry that holds one image of such layers as `bench/source:v1`. */
async function filled(
  { berth, folder }: Bench,
  layers: readonly number[],
): Promise<Awaited<ReturnType<typeof registryAt>>> {
  const layout = join(folder, "copy-source");
  await writeLayout(layout, layers);
  const registry = await registryAt(join(folder, "copy-registry"));
  await time([...berth, "copy", "-q", `ocidir://${layout}:v1`, `${registry.host}/bench/source:v1`]);
  await rm(layout, { recursive: true });
  return registry;
}

/** registry → layout: what the peers wrote is made durable as well. */
async function toLayout(bench: Bench, what: string, layers: readonly number[]): Promise<Row | undefined> {
  const version = dockerRegistry.version();
  if (!version) return undefined;
  const registry = await filled(bench, layers);
  const tools = copyTools(bench.berth);
  const contender = (tool: CopyTool): Racer => {
    const target = (round: number): string => join(bench.folder, `rl-${tool.name}-${round}`);
    return {
      name: tool.name,
      before: settle,
      run: (round, { watch }) => {
        const command = tool.toLayout(`${registry.host}/bench/source:v1`, target(round));
        const own = tool.name === "berth";
        const durable = ["sh", "-c", `"$@" && sync -f '${target(round)}'`, "sh", ...command];
        return time(own ? command : durable, { watch: watch && own });
      },
      after: (round) => rm(target(round), { recursive: true, force: true }),
    };
  };
  const entries = await race(tools.map(contender), bench.rounds);
  await registry.remove();
  return {
    title: `docker-registry ${version} → layout, ${what}`,
    versions: versionsOf(tools),
    columns: raceColumns({ crane: 1.1, oras: 1.1 }),
    entries,
  };
}

export function registryToLayout(bench: Bench): Promise<Row | undefined> {
  return toLayout(bench, "20 × 25 MB", TWENTY);
}

export function registryToLayoutOne(bench: Bench): Promise<Row | undefined> {
  return toLayout(bench, "one layer of 1 GiB", ONE);
}

/** layout → registry, one large layer. */
export async function layoutToRegistryOne(bench: Bench): Promise<Row | undefined> {
  const version = dockerRegistry.version();
  if (!version) return undefined;
  const layout = join(bench.folder, "copy-one");
  await writeLayout(layout, ONE);
  const tools = copyTools(bench.berth);
  const entries = await race(
    tools.map((tool) => intoFresh(bench, tool, (target) => tool.fromLayout(layout, target))),
    bench.rounds,
  );
  await rm(layout, { recursive: true });
  return {
    title: `layout → docker-registry ${version}, one layer of 1 GiB`,
    versions: versionsOf(tools),
    columns: raceColumns({ crane: 1.1, oras: 1.1 }),
    entries,
  };
}

/** Every run meets an empty registry: skopeo remembers between runs what a registry holds. */
function intoFresh(bench: Bench, { name }: CopyTool, command: (target: string) => readonly string[]): Racer {
  let registry: Awaited<ReturnType<typeof registryAt>> | undefined;
  return {
    name,
    before: async () => {
      registry = await registryAt(join(bench.folder, "copy-target"));
      await settle();
    },
    run: (_round, options) => time(command(`${registry?.host}/bench/target:v1`), options),
    after: async () => {
      await registry?.remove();
    },
  };
}

/** One host: blobs are mounted from one repository into another. */
export async function registrySameHost(bench: Bench): Promise<Row | undefined> {
  const version = dockerRegistry.version();
  if (!version) return undefined;
  const registry = await filled(bench, TWENTY);
  const source = `${registry.host}/bench/source:v1`;
  const tools = copyTools(bench.berth);
  let target = 0;
  const contender = (tool: CopyTool): Racer => ({
    name: tool.name,
    // A repository that nobody has seen: what was mounted once is there.
    run: (_round, options) =>
      time(tool.registries(source, `${registry.host}/bench/${tool.name}-${(target += 1)}:v1`), options),
  });
  const entries = await race(tools.map(contender), bench.rounds * 3);
  await registry.remove();
  return {
    title: `docker-registry ${version}, one repository → another, 20 × 25 MB`,
    versions: versionsOf(tools),
    columns: raceColumns({ crane: 1.1, oras: 1.1, regctl: 1.1, skopeo: 1.1 }),
    entries,
  };
}

/** Two hosts: every byte goes through. */
export async function registryTwoHosts(bench: Bench): Promise<Row | undefined> {
  const version = dockerRegistry.version();
  if (!version) return undefined;
  const registry = await filled(bench, TWENTY);
  const source = `${registry.host}/bench/source:v1`;
  const tools = copyTools(bench.berth);
  const entries = await race(
    tools.map((tool) => intoFresh(bench, tool, (target) => tool.registries(source, target))),
    bench.rounds,
  );
  await registry.remove();
  return {
    title: `docker-registry ${version} → another host, 20 × 25 MB`,
    versions: versionsOf(tools),
    columns: raceColumns({ crane: 1, oras: 1, regctl: 1, skopeo: 1 }),
    entries,
  };
}

/** 100 small images from one registry to another: berth in one process, the others one after the other. */
export async function mirrorHundred(bench: Bench): Promise<Row | undefined> {
  const version = dockerRegistry.version();
  if (!version) return undefined;
  const { berth, folder } = bench;
  const registry = await registryAt(join(folder, "copy-registry"));
  const names = Array.from({ length: IMAGES }, (_, at) => `i${`${at}`.padStart(3, "0")}`);
  const layouts = join(folder, "hundred");
  for (const name of names) await writeLayout(join(layouts, name), [20_000, 30_000]);
  const list = join(folder, "hundred.txt");
  const fill = names.map((name) => `ocidir://${join(layouts, name)}:v1 ${registry.host}/bench/${name}:v1`);
  await writeFile(list, `${fill.join("\n")}\n`);
  await time([...berth, "copy", "-q", "--from-file", list]);
  await rm(layouts, { recursive: true });
  const tools = copyTools(berth);
  const contender = (tool: CopyTool): Racer =>
    intoFresh(bench, tool, (target) => {
      const host = target.split("/", 1)[0] ?? "";
      const pair = (name: string): readonly [string, string] => [
        `${registry.host}/bench/${name}:v1`,
        `${host}/bench/${name}:v1`,
      ];
      if (tool.name !== "berth") {
        const lines = names.map((name) => tool.registries(...pair(name)).join(" "));
        return ["sh", "-ec", lines.join("\n")];
      }
      const pairs = `${names.map((name) => pair(name).join(" ")).join("\n")}\n`;
      return ["sh", "-c", 'printf %s "$0" | "$@"', pairs, ...berth, "copy", "-q", "--from-file", "-"];
    });
  const entries = await race(tools.map(contender), bench.rounds);
  await registry.remove();
  return {
    title: `docker-registry ${version} → another host, ${IMAGES} small images`,
    versions: versionsOf(tools),
    columns: raceColumns({ crane: 0.5, regctl: 0.7 }).slice(0, 1),
    entries,
    note: "berth does all in one process (`copy --from-file`), four at a time; the others are run once for each image.",
  };
}

/** The slowest of some commands' `--help`, beside an empty Node program. */
export async function help({ berth, rounds }: Bench): Promise<Row> {
  const commands = ["copy", "run", "image mod", "serve", "manifest diff"];
  const racers: Racer[] = commands.map((words) => ({
    name: `berth ${words}`,
    run: () => time([...berth, ...words.split(" "), "--help"]),
  }));
  const entries = await race(
    [...racers, { name: "node -e 0", run: () => time([process.execPath, "-e", "0"]) }],
    rounds * 5,
  );
  const bare = entries.at(-1)?.rounds ?? [];
  const above = entries.map((entry) => ({
    ...entry,
    rounds: entry.rounds.map((round, at) => ({
      ...round,
      above: (round["ms"] ?? Number.NaN) - (bare[at]?.["ms"] ?? Number.NaN),
    })),
  }));
  const limits = Object.fromEntries(commands.map((words) => [`berth ${words}`, 20]));
  return {
    title: "start: --help",
    versions: { "node -e 0": process.version },
    columns: [
      { key: "ms", label: "ms" },
      { key: "above", label: "ms above node -e 0", digits: 1, limits },
    ],
    entries: above,
  };
}
