import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pinned, processorTime, start } from "../process.ts";
import type { Server } from "../servers/server.ts";
import type { LoadCount, LoadJob } from "./job.ts";

/** Blobs of these sizes (bytes), so many at once. */
export interface PushJob {
  readonly host: string;
  readonly repository: string;
  readonly sizes: readonly number[];
  readonly inFlight: number;
}

async function run<Result>(program: "generate" | "push", job: LoadJob | PushJob): Promise<Result> {
  const command = [process.execPath, join(import.meta.dirname, `${program}.ts`)];
  const child = start(pinned("load", command), ["pipe", "pipe", "pipe"]);
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new Error("No pipes to the load generator");
  stdin.end(JSON.stringify(job));
  const [out, complaint] = await Promise.all([text(stdout), text(stderr), once(child, "exit")]);
  if (child.exitCode !== 0) throw new Error(`The load on ${job.host} failed: ${complaint.slice(0, 2000)}`);
  return JSON.parse(out) as Result;
}

export interface LoadResult {
  /** Answers per second. */
  readonly rate: number;
  /** Bytes per second, heads included. */
  readonly throughput: number;
  /** Milliseconds of the server's processor per answer. */
  readonly processor: number;
  /** Milliseconds from request to answer, on average over all connections. */
  readonly latency: number;
  readonly answers: number;
}

/** Loads one server, looking at its processor time before and after. */
export async function load(server: Server, job: Omit<LoadJob, "host">): Promise<LoadResult> {
  const before = processorTime(server.pid);
  const { answers, bytes, ms } = await run<LoadCount>("generate", { host: server.host, ...job });
  const used = processorTime(server.pid) - before;
  return {
    rate: (answers / ms) * 1000,
    throughput: (bytes / ms) * 1000,
    processor: used / answers,
    latency: (ms * job.connections) / answers,
    answers,
  };
}

/** Asks for each path once, many at a time: to fill a server, not to measure it. */
export async function loadOnce(
  server: Server,
  job: Pick<LoadJob, "method" | "status" | "paths" | "headers" | "bodies">,
): Promise<void> {
  await load(server, { ...job, connections: 64, seconds: 600, requests: job.paths.length });
}

/** Pushes new blobs to a server; milliseconds of the wall and of the server's processor. */
export async function push(
  server: Server,
  job: Omit<PushJob, "host">,
): Promise<{ readonly ms: number; readonly processor: number }> {
  const before = processorTime(server.pid);
  const { ms } = await run<{ readonly ms: number }>("push", { host: server.host, ...job });
  return { ms, processor: processorTime(server.pid) - before };
}
