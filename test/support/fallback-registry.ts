import { createServer, request as send } from "node:http";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";

export interface FallbackRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** `METHOD path` of what came. */
  readonly lines: string[];
}

export interface FallbackRegistryOptions {
  /** Pass conditional requests on, so that the registry compares and swaps. False by default, as with most of them. */
  readonly compares?: boolean;
  /** Milliseconds that pass at most, by chance, before a request is passed on. */
  readonly delay?: number;
}

/** A registry as many are: our own in memory, behind a proxy that knows no referrers and handles no subject. */
export async function fallbackRegistry(options: FallbackRegistryOptions = {}): Promise<FallbackRegistry> {
  const registry = createMemoryRegistry();
  const inner = await serve({ registry, host: "127.0.0.1", port: 0 });
  const { port } = new URL(inner.url);
  const lines: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    const { method = "", url = "" } = incoming;
    lines.push(`${method} ${url}`);
    if (url.includes("/referrers/")) {
      outgoing.writeHead(404, { "content-type": "text/plain" }).end("404 page not found");
      return;
    }
    const headers = { ...incoming.headers };
    if (!options.compares) {
      delete headers["if-match"];
      delete headers["if-none-match"];
    }
    setTimeout(
      () => {
        const passed = send({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
          const { "oci-subject": _subject, ...rest } = answer.headers;
          outgoing.writeHead(answer.statusCode ?? 502, rest);
          answer.pipe(outgoing);
        });
        passed.on("error", () => outgoing.destroy());
        incoming.pipe(passed);
      },
      Math.random() * (options.delay ?? 0),
    );
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return {
    host: `127.0.0.1:${address.port}`,
    lines,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
      await inner.close(0);
      await registry[Symbol.asyncDispose]();
    },
  };
}
