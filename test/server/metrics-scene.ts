import { createMemoryRegistry } from "../../src/memory/index.ts";
import type { Health } from "../../src/server/metrics/health.ts";
import { type MetricsServer, serveMetrics } from "../../src/server/metrics/serve-metrics.ts";
import { createServerMetrics, type ServerMetrics } from "../../src/server/metrics/server-metrics.ts";
import { type RunningServer, serve, type ServeOptions, type ServerEvent } from "../../src/server/serve.ts";
import { parseScrape, type Scrape } from "./exposition.ts";

/** Nobody may find it in an answer. */
export const SECRET: string = "hunter2";
export const WELL: Health = async () => undefined;

/** A server in memory, and its figures on a port of their own. */
export interface MetricsScene extends AsyncDisposable {
  readonly server: RunningServer;
  readonly figures: MetricsServer;
  readonly metrics: ServerMetrics;
  scrape(): Promise<Scrape>;
}

export async function openMetricsScene(
  options: Partial<ServeOptions> & { readonly health?: Health } = {},
): Promise<MetricsScene> {
  const { health = WELL, ...rest } = options;
  const metrics = createServerMetrics("1.2.3");
  const registry = createMemoryRegistry();
  const server = await serve({ registry, onEvent: (event) => metrics.request(event), ...rest });
  metrics.watch(server);
  const figures = await serveMetrics({ host: "127.0.0.1", port: 0, metrics, health });
  return {
    server,
    figures,
    metrics,
    scrape: async () => parseScrape(await (await fetch(`${figures.url}/metrics`)).text()),
    async [Symbol.asyncDispose]() {
      await figures[Symbol.asyncDispose]();
      await server.close(0);
      await registry[Symbol.asyncDispose]();
    },
  };
}

export const event: ServerEvent = {
  type: "request",
  id: "x-1",
  remote: "127.0.0.1",
  method: "GET",
  target: "/v2/",
  route: "ping",
  status: 200,
  bytes: 2,
  received: 0,
  milliseconds: 20,
  agent: "tester/1",
};
