import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { peer } from "../peer.ts";
import { freePort, type Kind, launch } from "./server.ts";

/** The configuration that it is shipped with: files on disk, a cache in memory, access log on; and deletes. */
function configuration(data: string, port: number, more: readonly string[]): string {
  const storage = [
    `filesystem: { rootdirectory: ${data} }`,
    "delete: { enabled: true }",
    "cache: { blobdescriptor: inmemory }",
    ...more,
  ];
  return [
    "version: 0.1",
    "log: { level: info, accesslog: { disabled: false } }",
    `storage: { ${storage.join(", ")} }`,
    `http: { addr: 127.0.0.1:${port} }`,
    "",
  ].join("\n");
}

const FILE = "registry.yml";

/** Collects the garbage of a distribution 3 that was started in a folder and stopped. */
export function collectCommand(folder: string): readonly string[] {
  return ["registry", "garbage-collect", join(folder, FILE)];
}

function kind(name: string, program: string, more: readonly string[]): Kind {
  return {
    name,
    version: () => peer(program),
    async start(folder) {
      const port = await freePort();
      const file = join(folder, FILE);
      await writeFile(file, configuration(join(folder, "data"), port, more));
      return await launch({
        name,
        folder,
        command: [program, "serve", file],
        port,
        env: { OTEL_TRACES_EXPORTER: "none" },
      });
    },
  };
}

/** distribution 3: `registry` on PATH. */
export const distribution: Kind = kind("distribution", "registry", ["tag: { concurrencylimit: 8 }"]);
/** distribution 2 as Debian has it: `docker-registry` on PATH. */
export const dockerRegistry: Kind = kind("docker-registry", "docker-registry", []);
