/** What a load generator has to do. */
export interface LoadJob {
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
  /** Stop after this many, even if time is left. */
  readonly requests?: number;
  /** The only status that counts as an answer. */
  readonly status: number;
  readonly method: "GET" | "HEAD" | "PUT";
  /** Asked one after the other, and from the start again. */
  readonly paths: readonly string[];
  /** The number of the first request, where the work does not begin at the first path. */
  readonly first?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** One after the other, the next one each time that the paths start again. */
  readonly bodies?: readonly string[];
}

/** What came of it. */
export interface LoadCount {
  readonly answers: number;
  readonly bytes: number;
  readonly ms: number;
}

/** The request of each number as the bytes that go on the wire. */
export function requestsOf(job: LoadJob): (at: number) => Buffer {
  const { host, method, paths, headers = {}, bodies = [""], first = 0 } = job;
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = lines.join("");
  const make = (path: string, body: string): Buffer => {
    const length = method === "PUT" ? `content-length: ${Buffer.byteLength(body)}\r\n` : "";
    return Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}${length}\r\n${body}`);
  };
  // Those without a body are made before the clock starts.
  const ready = method === "PUT" ? undefined : paths.map((path) => make(path, ""));
  const empty = Buffer.alloc(0);
  return (at) => {
    const number = first + at;
    const body = bodies[Math.floor(number / paths.length) % bodies.length] ?? "";
    return ready ? (ready[number % paths.length] ?? empty) : make(paths[number % paths.length] ?? "", body);
  };
}
