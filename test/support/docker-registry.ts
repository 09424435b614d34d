import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Why a test against a program is skipped, or false when the program is on PATH. */
export function missing(program: string, install = `apt-get install ${program}`): string | false {
  const found = (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
  return found ? false : `${program} not found on PATH: ${install}`;
}

export interface DockerRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  close(): Promise<void>;
}

/** Of "s3cret", user "ann". */
const HTPASSWD = "ann:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No port");
  return address.port;
}

/** Starts Debian's docker-registry on a free port over a folder of its own. */
export async function startDockerRegistry(options: { readonly auth?: boolean } = {}): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "berth-docker-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const users = join(folder, "htpasswd");
  await writeFile(users, HTPASSWD);
  const config = [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: "${join(folder, "data")}" }, delete: { enabled: true } }`,
    `http: { addr: "${host}" }`,
    ...(options.auth ? [`auth: { htpasswd: { realm: test, path: "${users}" } }`] : []),
  ].join("\n");
  await writeFile(join(folder, "config.yml"), config);
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: "ignore" });
  const close = async (): Promise<void> => {
    await stop(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answering(`http://${host}/v2/`, child);
  } catch (error) {
    await close();
    throw error;
  }
  return { host, close };
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    try {
      await fetch(url);
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error("docker-registry did not answer within 10 s");
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
