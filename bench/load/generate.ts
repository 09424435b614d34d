// The load generator, a process of its own so that it can have a core of its own: reads a job (JSON) from
// standard input, prints what it counted. One request is in flight on each connection.
import { text } from "node:stream/consumers";
import { converse } from "./connection.ts";
import { type LoadCount, type LoadJob, requestsOf } from "./job.ts";

const job = JSON.parse(await text(process.stdin)) as LoadJob;
const [host = "", port = ""] = job.host.split(":");
const request = requestsOf(job);
const limit = job.requests ?? Number.POSITIVE_INFINITY;
let sent = 0;
let answers = 0;
let bytes = 0;
const start = performance.now();
const end = start + job.seconds * 1000;
const talk = {
  host,
  port: Number(port),
  status: job.status,
  headOnly: job.method === "HEAD",
  next: () => (sent < limit && performance.now() < end ? request(sent++) : undefined),
  answered: (size: number) => {
    answers += 1;
    bytes += size;
  },
};
await Promise.all(Array.from({ length: job.connections }, () => converse(talk)));
console.log(JSON.stringify({ answers, bytes, ms: performance.now() - start } satisfies LoadCount));
