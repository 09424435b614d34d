// Pushes blobs that nobody has seen before, in a process of its own: reads a job (JSON) from standard input,
// prints the milliseconds. The bytes are made and hashed before the clock starts.
import { text } from "node:stream/consumers";
import { pushBlob } from "../client.ts";
import { noiseBlob } from "../noise.ts";
import type { PushJob } from "./run.ts";

const { host, repository, sizes, inFlight } = JSON.parse(await text(process.stdin)) as PushJob;
const blobs = sizes.map((size) => noiseBlob(size));
const start = performance.now();
let at = 0;
async function work(): Promise<void> {
  for (let blob = blobs[at++]; blob; blob = blobs[at++]) await pushBlob({ host }, repository, blob, blob.chunks());
}
await Promise.all(Array.from({ length: inFlight }, work));
console.log(JSON.stringify({ ms: performance.now() - start }));
process.exit();
