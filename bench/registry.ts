import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

export interface Running {
  readonly host: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** A port that was free a moment ago; for servers that cannot pick one themselves. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address ? address.port : 0;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status < 500;
  } catch {
    return false;
  }
}

/** Debian's docker-registry as the neutral target, on a free port, its data below `folder`. */
export async function startRegistry(folder: string): Promise<Running> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "registry.yml");
  await writeFile(
    config,
    [
      "version: 0.1",
      "log: { level: error, accesslog: { disabled: true } }",
      `storage: { filesystem: { rootdirectory: ${join(folder, "data")} }, delete: { enabled: true } }`,
      `http: { addr: ${host} }`,
    ].join("\n"),
  );
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  for (let tries = 0; tries < 200 && !(await answers(`http://${host}/v2/`)); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { host, process: child, stop: () => stop(child) };
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

/** `berth serve` on a free port; its first line is the address. */
export async function startBerth(berth: readonly string[], path: string): Promise<Running> {
  const [program = "", ...args] = berth;
  const child = spawn(program, [...args, "serve", path, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      const match = /https?:\/\/([^\s/]+)/.exec(out);
      if (match?.[1]) resolve(match[1]);
    });
    child.once("exit", () => reject(new Error(`berth serve ended: ${out}`)));
  });
  return { host: url, process: child, stop: () => stop(child) };
}
