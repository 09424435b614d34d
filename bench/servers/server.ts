import type { ChildProcess } from "node:child_process";
import { mkdir, open, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { hangUp } from "../client.ts";
import { pinned, start, stop } from "../process.ts";

export interface Server {
  readonly name: string;
  /** host:port */
  readonly host: string;
  readonly pid: number;
  /** Where it keeps its data. */
  readonly data: string;
  stop(): Promise<void>;
}

/** A registry, or another server, that the bench can start. */
export interface Kind {
  readonly name: string;
  /** Undefined, with a loud word, where it is not installed. */
  version(): string | undefined;
  /** Starts it on a free port of the loopback, all it writes below the folder. */
  start(folder: string): Promise<Server>;
}

/** Starts each kind that is installed in a folder of its own. */
export async function startAll(kinds: readonly Kind[], folder: string): Promise<Server[]> {
  const servers: Server[] = [];
  for (const kind of kinds) {
    if (kind.version() === undefined) continue;
    const own = join(folder, kind.name);
    await mkdir(own, { recursive: true });
    servers.push(await kind.start(own));
  }
  return servers;
}

export async function stopAll(servers: readonly Server[], folder: string): Promise<void> {
  for (const server of servers) {
    await hangUp(server);
    await server.stop();
  }
  await rm(folder, { recursive: true, force: true });
}

/** A port that was free a moment ago; for servers that cannot pick one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address ? address.port : 0;
}

interface Launch {
  readonly name: string;
  readonly folder: string;
  readonly command: readonly string[];
  readonly port: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a server whose output, its access log, goes to a file, and waits until it answers. */
export async function launch({ name, folder, command, port, env }: Launch): Promise<Server> {
  const data = join(folder, "data");
  await mkdir(data, { recursive: true });
  const log = await open(join(folder, "log"), "a");
  const child = start(pinned("server", command), ["ignore", log.fd, log.fd], env);
  await log.close();
  const host = `127.0.0.1:${port}`;
  await untilItAnswers(child, name, host);
  return { name, host, pid: child.pid ?? 0, data, stop: () => stop(child) };
}

async function untilItAnswers(child: ChildProcess, name: string, host: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries += 1) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    try {
      if ((await fetch(`http://${host}/v2/`)).status < 500) return;
    } catch {
      // Not there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await stop(child);
  throw new Error(`${name} does not answer at ${host}`);
}
