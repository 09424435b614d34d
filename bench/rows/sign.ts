import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, hangUp, IMAGE_MANIFEST, pushBlob, pushManifest } from "../client.ts";
import { type Contender, interleave, time } from "../measure.ts";
import { peer } from "../peer.ts";
import type { Bench, Column, Row } from "../row.ts";
import { dockerRegistry } from "../servers/distribution.ts";
import type { Server } from "../servers/server.ts";

/** Images that berth verifies and signs in one process, and those that cosign takes. */
const VERIFIED = 1000;
const SIGNED = 500;
const FEW = 20;
/** Rounds of signing: what is written takes its time. */
const ROUNDS = 3;
/** Pushes at a time. */
const AT_ONCE = 16;
const CONFIG = "application/vnd.oci.image.config.v1+json";

/** A cosign, what it verifies, and what it needs to be told to speak to nobody but the registry. */
interface Cosign {
  readonly name: string;
  readonly program: string;
  readonly version: string;
  /** How berth stores what this one looks for first. */
  readonly storage: "referrer" | "tag";
  readonly signing: readonly string[];
}

/** The registry, keys and files of a row. */
interface Scene {
  readonly server: Server;
  readonly home: string;
  readonly cosigns: readonly Cosign[];
  /** Before the programs: their passwords, and a home of their own. */
  readonly env: readonly string[];
}

async function inScene(bench: Bench, work: (scene: Scene) => Promise<Row>): Promise<Row | undefined> {
  const cosigns = cosignsFound();
  if (dockerRegistry.version() === undefined || cosigns.length === 0) return undefined;
  const home = join(bench.folder, "sign");
  await mkdir(home, { recursive: true });
  const services = {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    rekorTlogConfig: {},
    tsaConfig: {},
  };
  await writeFile(join(home, "services.json"), JSON.stringify(services));
  await writeFile(join(home, "config.json"), "{}");
  const env = ["env", "-C", home, `HOME=${home}`, `DOCKER_CONFIG=${home}`, "COSIGN_PASSWORD=bench"];
  await time([...env, ...bench.berth, "key", "generate", "-q", "-o", "bench"]);
  const server = await dockerRegistry.start(home);
  try {
    return await work({ server, home, cosigns, env });
  } finally {
    await hangUp(server);
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

function cosignsFound(): readonly Cosign[] {
  const each: readonly Omit<Cosign, "version">[] = [
    { name: "cosign 3", program: "cosign", storage: "referrer", signing: ["--signing-config", "services.json"] },
    { name: "cosign 2", program: "cosign2", storage: "tag", signing: ["--tlog-upload=false"] },
  ];
  return each.flatMap((cosign) => {
    const version = peer(cosign.program);
    return version === undefined ? [] : [{ ...cosign, version }];
  });
}

/** Small images, each of its own digest; gives their names by digest, which is how cosign wants them. */
async function pushImages(server: Server, repository: string, count: number): Promise<readonly string[]> {
  const names: string[] = [];
  const push = async (at: number): Promise<void> => {
    const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", repository, at }));
    const descriptor = { digest: digestOf(config), size: config.length };
    await pushBlob(server, repository, descriptor, config);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: IMAGE_MANIFEST,
      config: { mediaType: CONFIG, ...descriptor },
      layers: [],
    });
    await pushManifest(server, repository, `v${at}`, manifest);
    names[at] = `${server.host}/${repository}@${digestOf(manifest)}`;
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) await push(at);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return names;
}

/** One program after another, as a script would. */
function script(commands: readonly (readonly string[])[]): readonly string[] {
  return ["sh", "-ec", commands.map((command) => command.join(" ")).join("\n")];
}

const columns: readonly Column[] = [
  { key: "rate", label: "images/s", digits: 1, better: "more", goals: { "cosign 3": 5, "cosign 2": 5 } },
];

function versionsOf(cosigns: readonly Cosign[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    cosigns.flatMap(({ name, version }) => [
      [name, version],
      [manyOf(name), version],
    ]),
  );
}

function manyOf(name: string): string {
  return `${name}, ${FEW} in one run`;
}

async function rateOf(count: number, command: readonly string[]): Promise<{ rate: number }> {
  const { ms } = await time(command);
  return { rate: (count / ms) * 1000 };
}

/** Verifies the signed images of a registry by a key. */
export function verifyImages(bench: Bench): Promise<Row | undefined> {
  return inScene(bench, async ({ server, cosigns, env }) => {
    const signed: Partial<Record<Cosign["storage"], readonly string[]>> = {};
    for (const storage of new Set<Cosign["storage"]>(["referrer", ...cosigns.map((each) => each.storage)])) {
      const names = await pushImages(server, `bench/${storage}`, storage === "referrer" ? VERIFIED : FEW);
      await time([...env, ...bench.berth, "sign", "-q", "--key", "bench.key", "--storage", storage, ...names]);
      signed[storage] = names;
    }
    const flags = ["verify", "--key", "bench.pub", "--insecure-ignore-tlog", "--allow-http-registry"];
    const contenders = cosigns.flatMap(({ name, program, storage }): readonly Contender[] => {
      const names = signed[storage]?.slice(0, FEW) ?? [];
      const runs = names.map((image) => [program, ...flags, image]);
      return [
        { name, run: () => rateOf(FEW, [...env, ...script(runs)]) },
        { name: manyOf(name), run: () => rateOf(FEW, [...env, program, ...flags, ...names]) },
      ];
    });
    const ours: Contender = {
      name: "berth",
      run: () =>
        rateOf(VERIFIED, [...env, ...bench.berth, "verify", "-q", "--key", "bench.pub", ...(signed.referrer ?? [])]),
    };
    return {
      title: `verify ${VERIFIED} signed images of docker-registry ${dockerRegistry.version() ?? ""}`,
      versions: versionsOf(cosigns),
      columns,
      entries: await interleave([ours, ...contenders], bench.rounds),
      note: `berth verifies ${VERIFIED} in one process; cosign ${FEW}, one run for each, and once more all of them in one run. cosign 2 looks at signatures under its tags, the others at bundles.`,
    };
  });
}

/** Signs the images of a registry with a key, in each round once more: every image has as many signatures as the others. */
export function signImages(bench: Bench): Promise<Row | undefined> {
  return inScene(bench, async ({ server, cosigns, env }) => {
    const contender = async (
      name: string,
      count: number,
      command: (names: readonly string[]) => readonly string[],
    ): Promise<Contender> => {
      const images = await pushImages(server, `bench/${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`, count);
      return {
        name,
        before: async () => void (await time(["sync"])),
        run: () => rateOf(count, [...env, ...command(images)]),
      };
    };
    const own = [...bench.berth, "sign", "-q", "--key", "bench.key"];
    const contenders = [await contender("berth", SIGNED, (names) => [...own, ...names])];
    for (const { name, program, signing } of cosigns) {
      const flags = [program, "sign", "--key", "bench.key", "--allow-http-registry", "-y", ...signing];
      contenders.push(
        await contender(name, FEW, (names) => script(names.map((image) => [...flags, image]))),
        await contender(manyOf(name), FEW, (names) => [...flags, ...names]),
      );
    }
    return {
      title: `sign ${SIGNED} images of docker-registry ${dockerRegistry.version() ?? ""}`,
      versions: versionsOf(cosigns),
      columns,
      entries: await interleave(contenders, Math.min(ROUNDS, bench.rounds)),
      note: `berth signs ${SIGNED} in one process; cosign ${FEW}, one run for each, and others all in one run. Each stores them as it does by default.`,
    };
  });
}
