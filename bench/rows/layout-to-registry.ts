import { join } from "node:path";
import { mkdir, rm } from "node:fs/promises";
import { writeLayout } from "../fixture.ts";
import { race, raceColumns, type Racer, time } from "../measure.ts";
import { peer } from "../peer.ts";
import type { Bench, Row } from "../row.ts";
import { dockerRegistry } from "../servers/distribution.ts";
import type { Server } from "../servers/server.ts";
import { settle } from "../settle.ts";

const MB = 1_000_000;

/**
 * layout → Debian's docker-registry, 20 layers of 25 MB. Every run meets an empty registry: skopeo
 * remembers between runs what a registry holds, and mounts instead of sending.
 */
export async function layoutToRegistry({ berth, folder, rounds }: Bench): Promise<Row | undefined> {
  const server = dockerRegistry.version();
  if (!server) return undefined;
  const source = join(folder, "twenty");
  await writeLayout(
    source,
    Array.from({ length: 20 }, () => 25 * MB),
  );
  const home = join(folder, "registry");
  let registry: Server | undefined;
  const contender = (name: string, command: (target: string) => readonly string[]): Racer => ({
    name,
    before: async () => {
      await mkdir(home, { recursive: true });
      registry = await dockerRegistry.start(home);
      await settle();
    },
    run: (_round, options) => time(command(`${registry?.host}/bench/${name}:v1`), options),
    after: async () => {
      await registry?.stop();
      await rm(home, { recursive: true, force: true });
    },
  });
  const contenders = [contender("berth", (to) => [...berth, "copy", "-q", `ocidir://${source}:v1`, to])];
  const versions: Record<string, string> = {};
  const add = (name: string, command: (target: string) => readonly string[]): void => {
    const version = peer(name);
    if (!version) return;
    versions[name] = version;
    contenders.push(contender(name, command));
  };
  add("skopeo", (to) => [
    "skopeo",
    "--insecure-policy",
    "copy",
    "-q",
    "--dest-tls-verify=false",
    `oci:${source}:v1`,
    `docker://${to}`,
  ]);
  add("crane", (to) => ["crane", "push", "--insecure", source, to]);
  add("oras", (to) => ["oras", "cp", "--from-oci-layout", `${source}:v1`, "--to-plain-http", to]);
  const entries = await race(contenders, rounds);
  await rm(source, { recursive: true });
  return {
    title: `layout → docker-registry ${server}, 20 × 25 MB`,
    versions,
    columns: raceColumns({ skopeo: 0.7 }),
    entries,
  };
}
