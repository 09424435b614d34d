import { once } from "node:events";
import { parseNamePattern } from "../../spec/name-pattern.ts";
import { openLog } from "../access-log-file.ts";
import { type Command, defineCommand } from "../command.ts";
import { reportDepotEvent } from "../depot-report.ts";
import { gateOptions } from "../gate-options.ts";
import { byteSize, duration, flag, hostPort, integer, list, required, text } from "../option.ts";
import { reportRequest } from "../request-report.ts";
import { readServedFolder } from "../served-folder.ts";
import { reportUpkeep } from "../upkeep-report.ts";

const DEFAULT_PORT = 5000;
/** Milliseconds. */
const HOUR = 3_600_000;
/** Milliseconds: pushes of large images take longer. */
const SHORT_GRACE = 300_000;

export const command: Command = defineCommand({
  about:
    "Serves the OCI distribution API over a layout directory, in place, until it is stopped: reads and writes, blobs, manifests, tags, referrers, deletes. A folder that is no layout serves each layout below it under its path, and pushes make new ones. The first line printed is the address.",
  arguments: { path: required("PATH", "a layout, or a folder of layouts") },
  options: {
    host: text("--host <address>", "address to listen on (default: 127.0.0.1)"),
    port: integer("--port <n>", `port to listen on, 0 for a free one (default: ${DEFAULT_PORT})`, 0, 65_535),
    name: text("--name <repository>", "the repository's name, for one layout (default: its directory's name)"),
    readOnly: flag("--read-only", "refuse everything that would change something"),
    delete: flag("--no-delete", "refuse to delete tags, manifests and blobs"),
    accessLog: text(
      "--access-log <file>",
      "append a line of JSON for each request, - for standard output (default: none); SIGHUP opens the file anew",
    ),
    metrics: hostPort(
      "--metrics <host:port>",
      "answer GET /metrics (for Prometheus) and GET /healthz on a port of their own (default: none; without a host: 127.0.0.1)",
    ),
    maxBlobSize: byteSize("--max-blob-size <size>", "refuse blobs larger than this, as 10GiB (default: no limit)"),
    gcInterval: duration(
      "--gc-interval <time>",
      "collect garbage so often while serving, 0: never (default: 1h for a root of many repositories, never for one layout)",
    ),
    gcGrace: duration("--gc-grace <time>", "garbage is what has rested so long (default: 1h)"),
    scrubInterval: duration("--scrub-interval <time>", "read and hash all blobs so often, as 7d (default: never)"),
    sparse: list(
      "--sparse <repositories>",
      "accept manifests whose config or layers are not here, in repositories of this name (* and ** stand for any); again for more",
    ),
    ...gateOptions,
  },
  examples: [
    { about: "One layout as the repository images", line: "berth serve ./images" },
    { about: "A folder of layouts on a free port, read only", line: "berth serve ./registry --port 0 --read-only" },
    {
      about: "Take manifests of layers that lie elsewhere, below mirror/ alone",
      line: "berth serve ./registry --sparse 'mirror/**'",
    },
    {
      about: "Nobody but pushers sees an image before the policy holds",
      line: "berth serve ./registry --policy policy.yaml --pusher-password-file pushers",
    },
    {
      about: "Figures for Prometheus, and whether it is well, on another port",
      line: "berth serve ./registry --metrics 127.0.0.1:9464",
    },
  ],
  async run({ path }, options, context) {
    const { signal, out } = context;
    const [{ openRegistry }, { isLocal }, { serve }, { keepNurseryOfServer }, { UpkeepSchedule }] = await Promise.all([
      import("../../open/open-registry.ts"),
      import("../../server/listen.ts"),
      import("../../server/serve.ts"),
      import("../nursery.ts"),
      import("../upkeep-schedule.ts"),
    ]);
    const sparse = options.sparse.map(parseNamePattern);
    const { directory, readOnly } = await readServedFolder(path, options.readOnly, context);
    const gcGrace = options.gcGrace ?? HOUR;
    {
      await using metrics =
        options.metrics && (await (await import("../metrics.ts")).openMetrics(options.metrics, directory, context));
      const opened = await openRegistry(directory, {
        readOnly,
        leaseAge: leaseAge(gcGrace),
        onDepotEvent: (event) => {
          reportDepotEvent(event, context);
        },
        ...(options.name === undefined ? {} : { name: options.name }),
      });
      await using registry = opened.registry;
      signal.throwIfAborted();
      const { openGate } = await import("../gate.ts");
      await using gate = await openGate(registry, options, { readOnly, metrics, context });
      await using log =
        options.accessLog === undefined ? undefined : await openLog(options.accessLog, context, metrics);
      const server = await serve({
        registry,
        readOnly,
        noDelete: !options.delete,
        ...(options.maxBlobSize === undefined ? {} : { maxBlobSize: options.maxBlobSize }),
        ...gate.options,
        sparse: (repository) => sparse.some((matches) => matches(repository)),
        host: options.host ?? "127.0.0.1",
        port: options.port ?? DEFAULT_PORT,
        onEvent: (event) => {
          log?.write(event);
          metrics?.request(event);
          reportRequest(event, context);
        },
      });
      keepNurseryOfServer();
      await using _upkeep = readOnly
        ? undefined
        : new UpkeepSchedule(directory, {
            gc: { interval: options.gcInterval ?? (opened.name === undefined ? HOUR : 0), grace: gcGrace },
            scrub: { interval: options.scrubInterval ?? 0 },
            onEvent: (event) => {
              metrics?.upkept(event);
              reportUpkeep(event, context);
            },
          });
      metrics?.serving(server);
      const { url } = server;
      const about = opened.name === undefined ? {} : { repository: opened.name };
      if (out.json) out.result({ url, ...about, ...(metrics ? { metrics: metrics.url } : {}) }, []);
      else await out.line(url);
      const what = opened.name === undefined ? "the layouts below" : `the repository ${opened.name} from`;
      context.note(`Serving ${what} ${path}; stop with Ctrl-C`);
      if (metrics) context.note(`Metrics are at ${metrics.url}`);
      if (metrics?.local === false) context.warn(`Whoever reaches ${metrics.url} may read the metrics`);
      if (!isLocal(server.address)) {
        context.warn(`Whoever reaches ${url} may ${gate.anyone(readOnly, options.delete)}`);
      }
      if (gcGrace < SHORT_GRACE && !readOnly) {
        context.warn("--gc-grace is short: an upload that takes longer may lose what it began with");
      }
      if (!signal.aborted) await once(signal, "abort");
      context.note("Stopping: requests under way get ten seconds to finish; Ctrl-C again ends at once");
      await server.close();
    }
    context.note("Stopped");
  },
});

/** Leases have to be renewed long before the grace ends. */
function leaseAge(grace: number): number {
  return Math.min(HOUR, grace) / 4;
}
