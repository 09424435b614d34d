import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DockerRegistry, missing, startDockerRegistry } from "./docker-registry.ts";

/** A registry program of others. */
export interface PeerRegistry {
  readonly name: string;
  /** Why a test against it is skipped; false when it is on PATH. */
  readonly missing: string | false;
  start(): Promise<DockerRegistry>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No port");
  return address.port;
}

type Configure = (host: string, data: string) => { readonly file: string; readonly text: string };

async function start(program: string, configure: Configure): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "berth-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const { file, text } = configure(host, join(folder, "data"));
  await writeFile(join(folder, file), text);
  const env = { PATH: process.env["PATH"], HOME: folder, OTEL_TRACES_EXPORTER: "none" };
  const child = spawn(program, ["serve", join(folder, file)], { stdio: "ignore", cwd: folder, env });
  const close = async (): Promise<void> => {
    await stop(child);
    await rm(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (child.exitCode !== null) break;
    if (await answers(`http://${host}/v2/`)) return { host, close };
    await sleep(50);
  }
  await close();
  throw new Error(`${program} did not answer within 20 s`);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

function distribution(deletes: boolean): Configure {
  return (host, data) => ({
    file: "config.yml",
    text: [
      "version: 0.1",
      "log: { level: error, accesslog: { disabled: true } }",
      `storage: { filesystem: { rootdirectory: "${data}" }, delete: { enabled: ${deletes} } }`,
      `http: { addr: "${host}" }`,
    ].join("\n"),
  });
}

/** Debian's docker-registry as it is without a setting: nothing can be deleted. */
export async function startWithoutDelete(): Promise<DockerRegistry> {
  return start("docker-registry", distribution(false));
}

/** Debian's docker-registry, distribution 3 and zot. */
export const peerRegistries: readonly PeerRegistry[] = [
  { name: "docker-registry", missing: missing("docker-registry"), start: () => startDockerRegistry() },
  {
    name: "distribution 3",
    missing: missing("registry", "go install github.com/distribution/distribution/v3/cmd/registry@v3.1.1"),
    start: () => start("registry", distribution(true)),
  },
  {
    name: "zot",
    missing: missing("zot", "go install zotregistry.dev/zot/v2/cmd/zot@v2.1.20"),
    start: () =>
      start("zot", (host, data) => {
        const [address, port] = host.split(":");
        const settings = {
          distSpecVersion: "1.1.1",
          storage: { rootDirectory: data, gc: false },
          http: { address, port },
          log: { level: "error" },
        };
        return { file: "config.json", text: JSON.stringify(settings) };
      }),
  },
];
