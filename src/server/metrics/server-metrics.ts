import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ErrorCode } from "../../error/code.ts";
import { isOciError } from "../../error/oci-error.ts";
import type { GateEvent } from "../gate/judge.ts";
import type { LineLogOptions } from "../line-log.ts";
import type { RouteKind } from "../route.ts";
import type { RunningServer, ServerEvent, ServerLoad } from "../serve.ts";
import { countUpkeep, type UpkeepMetrics } from "./upkeep-metrics.ts";

/** The figures of a server. No text that a client chose is in any of them. */
export interface ServerMetrics {
  readonly contentType: string;
  /** Everything there is, as Prometheus reads it. */
  text(): Promise<string>;
  /** How busy it is will be asked of this server. */
  watch(server: Pick<RunningServer, "load">): void;
  request(event: ServerEvent): void;
  gate(event: GateEvent): void;
  /** What a log of lines has to tell of its troubles. */
  log(name: "access" | "audit"): Required<Pick<LineLogOptions, "onTrouble" | "onRecovery" | "onLoss">>;
  readonly upkeep: UpkeepMetrics;
}

/** Methods that stand for themselves. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

const ROUTES: Readonly<Record<RouteKind, string>> = {
  ping: "ping",
  catalog: "catalog",
  tags: "tags",
  manifest: "manifests",
  blob: "blobs",
  uploads: "uploads",
  upload: "uploads",
  referrers: "referrers",
  "oras-referrers": "referrers",
  extensions: "extensions",
};

const DECISIONS: readonly GateEvent["type"][] = ["hidden", "released", "refused"];

/** What the owner of a server is told of at once. */
const SERIOUS: readonly ErrorCode[] = ["IO", "NO_SPACE", "CONTENT_DAMAGED", "INTERNAL"];

/** Seconds: from a manifest out of memory to a layer over a slow line. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** @param version of berth */
export function createServerMetrics(version: string): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "berth_build_info",
    help: "Which berth this is; always 1.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  const requests = countRequests(registry);
  const load = { of: undefined as Pick<RunningServer, "load"> | undefined };
  gaugeLoad(registry, load);
  const decisions = new Counter({
    name: "berth_gate_decisions_total",
    help: "Images that the gate hid or released, and pushes of tags that it refused.",
    labelNames: ["decision"],
    registers,
  });
  for (const decision of DECISIONS) decisions.inc({ decision }, 0);
  const failures = new Counter({
    name: "berth_gate_failures_total",
    help: "Images that the gate hid because they could not be judged.",
    registers,
  });
  const lost = new Counter({
    name: "berth_log_lines_lost_total",
    help: "Lines of a log that were never written.",
    labelNames: ["log"],
    registers,
  });
  const failing = new Gauge({
    name: "berth_log_failing",
    help: "1 while a log cannot be written.",
    labelNames: ["log"],
    registers,
  });
  let rendering: Promise<string> | undefined;
  return {
    contentType: registry.contentType,
    // Whoever asks meanwhile gets the same.
    text: () => (rendering ??= registry.metrics().finally(() => (rendering = undefined))),
    watch(server) {
      load.of = server;
    },
    request: requests,
    gate({ type, error }) {
      decisions.inc({ decision: type });
      if (error !== undefined) failures.inc();
    },
    log(name) {
      lost.inc({ log: name }, 0);
      failing.set({ log: name }, 0);
      return {
        onTrouble: () => failing.set({ log: name }, 1),
        onRecovery: () => failing.set({ log: name }, 0),
        onLoss: (lines) => lost.inc({ log: name }, lines),
      };
    },
    upkeep: countUpkeep(registry),
  };
}

function countRequests(registry: Registry): ServerMetrics["request"] {
  const registers = [registry];
  const requests = new Counter({
    name: "berth_http_requests_total",
    help: "Requests that were answered.",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const durations = new Histogram({
    name: "berth_http_request_duration_seconds",
    help: "From the head of a request until its answer was handed to the connection.",
    labelNames: ["method", "route"],
    buckets: BUCKETS,
    registers,
  });
  const received = new Counter({
    name: "berth_http_received_bytes_total",
    help: "Bytes of requests' bodies that were taken.",
    labelNames: ["route"],
    registers,
  });
  const sent = new Counter({
    name: "berth_http_sent_bytes_total",
    help: "Bytes of answers' bodies that were handed to connections.",
    labelNames: ["route"],
    registers,
  });
  const errors = new Counter({
    name: "berth_http_errors_total",
    help: "Requests that failed, or whose answer broke off, by the code of docs/errors.md.",
    labelNames: ["code"],
    registers,
  });
  // A count that begins at 1 is no increase to Prometheus; the first of these has to be seen.
  for (const code of SERIOUS) errors.inc({ code }, 0);
  return (event) => {
    const method = METHODS.has(event.method) ? event.method : "other";
    const route = event.route === undefined ? "none" : ROUTES[event.route];
    requests.inc({ method, route, status: event.status });
    durations.observe({ method, route }, event.milliseconds / 1000);
    if (event.received > 0) received.inc({ route }, event.received);
    if (event.bytes > 0) sent.inc({ route }, event.bytes);
    // Codes are those of one table, whatever an error calls itself.
    if (event.error !== undefined) errors.inc({ code: isOciError(event.error) ? event.error.code : "INTERNAL" });
  };
}

const LOAD: Readonly<Record<keyof ServerLoad, { readonly name: string; readonly help: string }>> = {
  connections: { name: "berth_http_connections", help: "Connections to the registry; 4,096 at most." },
  requests: { name: "berth_http_requests_in_flight", help: "Requests whose answer is not out yet." },
  uploads: {
    name: "berth_uploads_open",
    help: "Uploads that were begun and are neither finished nor given up; 1,000 at most.",
  },
};

/** What is asked of the server when somebody wants to know. */
function gaugeLoad(registry: Registry, server: { readonly of: Pick<RunningServer, "load"> | undefined }): void {
  for (const key of ["connections", "requests", "uploads"] as const) {
    new Gauge({
      ...LOAD[key],
      registers: [registry],
      async collect() {
        this.set((await server.of?.load())?.[key] ?? 0);
      },
    });
  }
}
