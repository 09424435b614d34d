import { createServer, request as send } from "node:http";

export interface WatchedRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** `METHOD path` of what was written, in the order in which it came. */
  readonly writes: string[];
  /** Called before a request is passed on; a number is answered in its place. */
  before: ((method: string, path: string) => Promise<number | undefined>) | undefined;
}

const WRITES: ReadonlySet<string> = new Set(["PUT", "POST", "PATCH", "DELETE"]);

/** A registry behind a proxy that writes down what is written, and can refuse it. */
export async function watch(registry: string): Promise<WatchedRegistry> {
  const writes: string[] = [];
  const [hostname, port] = registry.split(":");
  const proxy = createServer((incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    const { pathname } = new URL(url, "http://registry");
    if (WRITES.has(method)) writes.push(`${method} ${pathname}`);
    const pass = (refusal?: number): void => {
      if (refusal !== undefined) {
        incoming.resume();
        outgoing.writeHead(refusal, { "content-type": "application/json" });
        outgoing.end(JSON.stringify({ errors: [{ code: "DENIED", message: "nobody moves this tag" }] }));
        return;
      }
      const passed = send({ hostname, port, method, path: url, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      passed.on("error", () => outgoing.destroy());
      incoming.pipe(passed);
    };
    if (watched.before) watched.before(method, pathname).then(pass, () => outgoing.destroy());
    else pass();
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  const watched: WatchedRegistry = {
    host: `127.0.0.1:${address.port}`,
    writes,
    before: undefined,
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
  return watched;
}
