import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listen, type Listening } from "../listen.ts";
import type { Health } from "./health.ts";
import type { ServerMetrics } from "./server-metrics.ts";

export interface MetricsServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly metrics: Pick<ServerMetrics, "text" | "contentType">;
  readonly health: Health;
}

/** Disposing closes it at once. */
export interface MetricsServer extends Listening, AsyncDisposable {}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Milliseconds for a request. */
const PATIENCE = 10_000;
/** Few ask for figures. */
const CONNECTIONS = 64;
const MAX_HEADER_SIZE = 16 * 1024;

/**
 * Answers `GET /metrics` and `GET /healthz` on a port of their own.
 * @throws OciError CONFLICT where the port is taken, USAGE, IO
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port, metrics, health } = options;
  const answers: Readonly<Record<string, () => Promise<Answer>>> = {
    "/metrics": async () => ({ status: 200, text: await metrics.text(), type: metrics.contentType }),
    "/healthz": async () => {
      const why = await health();
      return why === undefined ? { status: 200, text: "ok\n" } : { status: 503, text: `${why}\n` };
    },
  };

  async function answer({ method, url = "" }: IncomingMessage): Promise<Answer> {
    const [path = ""] = url.split("?", 1);
    const make = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (!make) return { status: 404, text: "There are /metrics and /healthz here\n" };
    if (method !== "GET" && method !== "HEAD") {
      return { status: 405, text: "Only GET and HEAD mean something here\n", headers: { allow: "GET, HEAD" } };
    }
    return make();
  }

  const server = createServer({
    headersTimeout: PATIENCE,
    requestTimeout: PATIENCE,
    connectionsCheckingInterval: PATIENCE / 2,
    maxHeaderSize: MAX_HEADER_SIZE,
  });
  server.maxConnections = CONNECTIONS;
  server.on("request", (incoming, outgoing) => {
    void answer(incoming)
      .catch((): Answer => ({ status: 500, text: "This failed\n" }))
      .then((made) => send(made, incoming, outgoing));
  });
  const listening = await listen(server, { host, port, named: { host: "--metrics", port: "port for --metrics" } });
  return {
    ...listening,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      server.close(resolve);
      server.closeAllConnections();
      await promise;
    },
  };
}

function send({ status, text, type, headers }: Answer, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const body = Buffer.from(text);
  outgoing.writeHead(status, {
    "content-type": type ?? "text/plain; charset=utf-8",
    "content-length": body.length,
    "cache-control": "no-store",
    // A body that nobody reads must not be taken for the next request.
    ...(incoming.complete ? {} : { connection: "close" }),
    ...headers,
  });
  outgoing.end(body);
}
