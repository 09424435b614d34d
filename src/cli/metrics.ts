import { opendir } from "node:fs/promises";
import { isLocal } from "../server/listen.ts";
import { createHealth } from "../server/metrics/health.ts";
import { serveMetrics } from "../server/metrics/serve-metrics.ts";
import { createServerMetrics, type ServerMetrics } from "../server/metrics/server-metrics.ts";
import type { RunningServer } from "../server/serve.ts";
import type { Context } from "./context.ts";
import type { HostPort } from "./option.ts";
import { packageVersion } from "./package-version.ts";
import type { UpkeepReply } from "./upkeep-message.ts";

/** The figures of a server, served; disposing closes their port. */
export interface OpenedMetrics extends ServerMetrics, AsyncDisposable {
  /** Of the figures. */
  readonly url: string;
  /** Whether nobody but programs of this machine reaches them. */
  readonly local: boolean;
  /** From now on the registry is there. */
  serving(server: RunningServer): void;
  upkept(event: UpkeepReply): void;
}

/** Opens what `--metrics` names. @throws OciError CONFLICT where the port is taken, USAGE, IO */
export async function openMetrics(at: HostPort, directory: string, { signal }: Context): Promise<OpenedMetrics> {
  const metrics = createServerMetrics(packageVersion());
  let serving = false;
  const { url, address, ...listening } = await serveMetrics({
    ...at,
    metrics,
    health: createHealth({
      away: () => (signal.aborted ? "stopping" : serving ? undefined : "starting"),
      storage: () => lookInto(directory),
    }),
  });
  return {
    ...metrics,
    ...listening,
    url: `${url}/metrics`,
    local: isLocal(address),
    serving(server) {
      metrics.watch(server);
      serving = true;
    },
    upkept: (event) => countUpkept(event, metrics),
  };
}

/** A folder that is gone, or on a disk that is, cannot be opened. */
async function lookInto(directory: string): Promise<void> {
  await (await opendir(directory)).close();
}

function countUpkept(event: UpkeepReply, { upkeep }: ServerMetrics): void {
  switch (event.type) {
    case "collected":
      return upkeep.collected(event.report);
    case "scrubbed":
      return upkeep.scrubbed();
    case "finding":
      return upkeep.finding(event.verdict);
    case "upkeep-failed":
      return upkeep.failed(event.work);
    case "ended":
  }
}
