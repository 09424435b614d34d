import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { OciError } from "../../src/error/oci-error.ts";
import { createServerMetrics } from "../../src/server/metrics/server-metrics.ts";
import { pushApp } from "../policy/scene.ts";
import { blob } from "../support/content.ts";
import { parseScrape } from "./exposition.ts";
import { openGateScene } from "./gate-scene.ts";
import { event, openMetricsScene, SECRET } from "./metrics-scene.ts";
import { Wire } from "./wire.ts";

describe("metrics", () => {
  test("requests are counted by method, kind and status, their bytes and durations as well", async () => {
    await using scene = await openMetricsScene();
    const { url } = scene.server;
    const content = blob("0123456789");
    const { digest } = content.descriptor;
    const ask = async (method: string, path: string, body?: string): Promise<number> => {
      const answer = await fetch(`${url}${path}`, { method, ...(body === undefined ? {} : { body }) });
      await answer.arrayBuffer();
      return answer.status;
    };
    assert.equal(await ask("GET", "/v2/"), 200);
    assert.equal(await ask("POST", `/v2/a/blobs/uploads/?digest=${digest}`, "0123456789"), 201);
    assert.equal(await ask("POST", "/v2/a/blobs/uploads/"), 202);
    for (let turn = 0; turn < 3; turn += 1) assert.equal(await ask("GET", `/v2/a/blobs/${digest}`), 200);
    assert.equal(await ask("HEAD", `/v2/a/blobs/${digest}`), 200);
    assert.equal(await ask("GET", "/v2/a/manifests/none"), 404);
    assert.equal(await ask("GET", "/v2/a/tags/list"), 200);
    assert.equal(await ask("GET", `/v2/a/referrers/${digest}`), 200);
    assert.equal(await ask("GET", "/v2/_catalog"), 200);
    assert.equal(await ask("PROPFIND", "/v2/_catalog"), 405);
    assert.equal(await ask("GET", "/metrics"), 404);
    assert.equal(await ask("GET", "/healthz"), 404);
    assert.equal(await ask("GET", "/v2/UPPER/tags/list"), 400);
    const scrape = await scene.scrape();
    const count = (method: string, route: string, status: string): number =>
      scrape.value("berth_http_requests_total", { method, route, status });
    assert.deepEqual(
      [
        count("GET", "ping", "200"),
        count("POST", "uploads", "201"),
        count("POST", "uploads", "202"),
        count("GET", "blobs", "200"),
        count("HEAD", "blobs", "200"),
        count("GET", "manifests", "404"),
        count("GET", "tags", "200"),
        count("GET", "referrers", "200"),
        count("GET", "catalog", "200"),
        count("other", "catalog", "405"),
        count("GET", "none", "404"),
        count("GET", "none", "400"),
      ],
      [1, 1, 1, 3, 1, 1, 1, 1, 1, 1, 2, 1],
    );
    assert.equal(scrape.series("berth_http_requests_total").length, 12, "and nothing else");
    const durations = "berth_http_request_duration_seconds";
    assert.equal(scrape.value(`${durations}_count`, { method: "GET", route: "blobs" }), 3);
    assert.equal(scrape.value("berth_http_received_bytes_total", { route: "uploads" }), 10);
    assert.equal(scrape.value("berth_http_sent_bytes_total", { route: "blobs" }), 30);
    assert.equal(scrape.value("berth_http_errors_total", { code: "MANIFEST_UNKNOWN" }), 1);
    assert.equal(scrape.value("berth_uploads_open"), 1);
    assert.equal(scrape.value("berth_http_requests_in_flight"), 0);
    assert.equal(scrape.value("berth_build_info", { version: "1.2.3" }), 1);
  });

  test("durations are seconds, and an error of no known code is INTERNAL", async () => {
    await using scene = await openMetricsScene();
    scene.metrics.request(event);
    for (const error of [new Error(SECRET), Object.assign(new OciError("IO", SECRET), { code: SECRET })]) {
      scene.metrics.request({ ...event, status: 500, error });
    }
    const scrape = await scene.scrape();
    const durations = "berth_http_request_duration_seconds";
    const labels = { method: "GET", route: "ping" };
    assert.equal(scrape.value(`${durations}_bucket`, { ...labels, le: "0.01" }), 0);
    assert.equal(scrape.value(`${durations}_bucket`, { ...labels, le: "0.025" }), 3);
    assert.equal(scrape.value("berth_http_errors_total", { code: "INTERNAL" }), 2);
    for (const code of ["IO", "NO_SPACE"]) {
      assert.ok(
        scrape.series("berth_http_errors_total").some((labels) => labels["code"] === code),
        "there before the first, so that it is an increase",
      );
    }
    assert.ok(!scrape.text.includes(SECRET));
  });

  test("requests and connections are counted while they last", async () => {
    await using scene = await openMetricsScene();
    await using wire = await Wire.open(scene.server);
    wire.write("POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    const [, location = ""] = /location: (\S+)/i.exec(await wire.until(/\r\n\r\n/)) ?? [];
    await using slow = await Wire.open(scene.server);
    slow.write(`PATCH ${location} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n`);
    // Asked for the body: from here on it is under way until the body is there.
    await slow.until(/100 Continue/);
    slow.write("01234");
    const during = await scene.scrape();
    assert.equal(during.value("berth_http_requests_in_flight"), 1);
    assert.equal(during.value("berth_http_connections"), 2);
    assert.equal(during.value("berth_uploads_open"), 1);
    slow.write("56789");
    await slow.until(/202 Accepted/);
    wire.write(`DELETE ${location} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await wire.until(/204 No Content/);
    const after = await scene.scrape();
    assert.equal(after.value("berth_http_requests_in_flight"), 0);
    assert.equal(after.value("berth_uploads_open"), 0);
    assert.equal(after.value("berth_http_received_bytes_total", { route: "uploads" }), 10);
  });

  test("no text of a client is in them, and what labels say is bounded", async () => {
    await using scene = await openMetricsScene();
    const headers = { authorization: `Basic ${SECRET}`, "user-agent": SECRET, cookie: SECRET };
    for (const method of ["GET", "PUT", "DELETE", "PROPFIND", "MKCOL", "LINK"]) {
      for (let at = 0; at < 30; at += 1) {
        for (const path of [
          `${SECRET}${at}/manifests/${SECRET}${at}`,
          `${SECRET}/${at}/tags/list?x=${SECRET}`,
          `${SECRET}${at}`,
          `..%2f${SECRET}${at}/tags/list`,
        ]) {
          await (await fetch(`${scene.server.url}/v2/${path}`, { method, headers })).arrayBuffer();
        }
      }
    }
    const { text, series } = await scene.scrape();
    assert.ok(!text.includes(SECRET));
    const requests = series("berth_http_requests_total");
    assert.ok(requests.length > 0 && requests.length < 20, `${requests.length}`);
    for (const { method = "", route = "", status = "" } of requests) {
      assert.match(method, /^(?:GET|PUT|DELETE|other)$/);
      assert.match(route, /^(?:manifests|tags|none)$/);
      assert.match(status, /^\d{3}$/);
    }
  });

  test("names and units are as Prometheus has them", async () => {
    await using scene = await openMetricsScene();
    scene.metrics.request({ ...event, received: 1, error: new OciError("IO", "x") });
    scene.metrics.log("access");
    const { families, series } = await scene.scrape();
    const own = [...families].filter(([name]) => name.startsWith("berth_"));
    assert.ok(own.length > 15);
    for (const [name, { type, help }] of own) {
      assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
      assert.doesNotMatch(name, /milli|_ms\b|kilo|mega/);
      assert.match(help, /^\S.*[.]$/);
      assert.notEqual(series(name).length + series(`${name}_count`).length, 0, `${name} has a series`);
    }
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"]) {
      assert.ok(families.has(name), name);
    }
  });

  test("the guide names each of them, and none that is not there", async () => {
    await using scene = await openMetricsScene();
    const { families } = await scene.scrape();
    const guide = await readFile(new URL("../../docs/registry.md", import.meta.url), "utf8");
    const rows = guide.split("\n").filter((line) => line.startsWith("| `berth_"));
    const named = rows.flatMap((row) => [...(row.split(" | ")[0] ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name));
    assert.deepEqual(named.toSorted(), [...families.keys()].filter((name) => name.startsWith("berth_")).toSorted());
    for (const [name = ""] of guide.matchAll(/\bberth_\w+/g)) assert.ok(families.has(name), name);
  });

  test("the gate's decisions are counted, and what could not be judged", async () => {
    const metrics = createServerMetrics("1.2.3");
    let told = Promise.withResolvers<void>();
    const failing = { judge: async () => Promise.reject(new OciError("IO", SECRET)) };
    await using scene = await openGateScene({
      judge: (judge) => ({ ...judge, ...failing }),
      gate: {
        onEvent: (each) => {
          metrics.gate(each);
          told.resolve();
          told = Promise.withResolvers();
        },
      },
    });
    const hidden = told.promise;
    await pushApp(scene.pusher, {}, ["v1"]);
    await hidden;
    const scrape = parseScrape(await metrics.text());
    assert.equal(scrape.value("berth_gate_decisions_total", { decision: "hidden" }), 1);
    assert.equal(scrape.value("berth_gate_decisions_total", { decision: "released" }), 0);
    assert.equal(scrape.series("berth_gate_decisions_total").length, 3, "from the start, so that a first one is seen");
    assert.equal(scrape.value("berth_gate_failures_total"), 1);
    assert.ok(!scrape.text.includes(SECRET) && !scrape.text.includes(scene.repository));
  });

  test("upkeep and logs are counted", async () => {
    await using scene = await openMetricsScene();
    const { upkeep } = scene.metrics;
    upkeep.collected({ removed: 3, freed: 4096 });
    upkeep.scrubbed();
    upkeep.failed("scrub");
    upkeep.finding("damaged");
    const log = scene.metrics.log("audit");
    log.onTrouble(new Error("full"));
    log.onLoss(2);
    const during = await scene.scrape();
    assert.equal(during.value("berth_upkeep_runs_total", { work: "gc", result: "done" }), 1);
    assert.equal(during.value("berth_upkeep_runs_total", { work: "scrub", result: "done" }), 1);
    assert.equal(during.value("berth_upkeep_runs_total", { work: "scrub", result: "failed" }), 1);
    assert.equal(during.value("berth_gc_removed_blobs_total"), 3);
    assert.equal(during.value("berth_gc_freed_bytes_total"), 4096);
    assert.equal(during.value("berth_scrub_findings_total", { verdict: "damaged" }), 1);
    assert.equal(during.value("berth_log_failing", { log: "audit" }), 1);
    assert.equal(during.value("berth_log_lines_lost_total", { log: "audit" }), 2);
    log.onRecovery(2);
    assert.equal((await scene.scrape()).value("berth_log_failing", { log: "audit" }), 0);
  });
});
