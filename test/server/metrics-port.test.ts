import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { createHealth } from "../../src/server/metrics/health.ts";
import { serveMetrics } from "../../src/server/metrics/serve-metrics.ts";
import { event, openMetricsScene, SECRET, WELL } from "./metrics-scene.ts";

describe("the port of the metrics", () => {
  test("two paths, two methods, and nothing else", async () => {
    await using scene = await openMetricsScene();
    const { url } = scene.figures;
    for (const [method, path, status] of [
      ["GET", "/metrics", 200],
      ["GET", "/metrics?x=1", 200],
      ["HEAD", "/metrics", 200],
      ["GET", "/healthz", 200],
      ["POST", "/metrics", 405],
      ["DELETE", "/healthz", 405],
      ["PROPFIND", "/metrics", 405],
      ["GET", "/", 404],
      ["GET", "/metrics/", 404],
      ["GET", "/constructor", 404],
      ["GET", "/v2/", 404],
      ["POST", "/v2/a/blobs/uploads/", 404],
    ] as const) {
      const answer = await fetch(`${url}${path}`, { method, ...(method === "POST" ? { body: "x" } : {}) });
      assert.equal(answer.status, status, `${method} ${path}`);
      assert.equal(answer.headers.get("allow"), status === 405 ? "GET, HEAD" : null);
      assert.equal(answer.headers.get("access-control-allow-origin"), null);
      const length = (await answer.arrayBuffer()).byteLength;
      assert.equal(length === 0, method === "HEAD");
      if (status === 200 && path === "/metrics") {
        assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
      }
    }
    assert.equal((await scene.scrape()).series("berth_http_requests_total").length, 0, "it does not count itself");
  });

  test("many scrapes at once are one answer each", async () => {
    await using scene = await openMetricsScene();
    scene.metrics.request(event);
    const scrapes = await Promise.all(Array.from({ length: 40 }, () => scene.scrape()));
    for (const scrape of scrapes) {
      assert.equal(scrape.value("berth_http_requests_total", { method: "GET", route: "ping", status: "200" }), 1);
    }
  });

  test("a figure that fails is a 500, and the next scrape is whole", async () => {
    await using scene = await openMetricsScene();
    scene.metrics.watch({ load: () => Promise.reject(new Error(SECRET)) });
    const failed = await fetch(`${scene.figures.url}/metrics`);
    assert.equal(failed.status, 500);
    assert.ok(!(await failed.text()).includes(SECRET));
    scene.metrics.watch(scene.server);
    assert.equal((await scene.scrape()).value("berth_build_info", { version: "1.2.3" }), 1);
  });

  test("closing it ends connections that somebody keeps, and the port is free", async () => {
    const scene = await openMetricsScene();
    const { port } = scene.figures.address;
    const idle = connect(port, "127.0.0.1");
    await once(idle, "connect");
    await scene[Symbol.asyncDispose]();
    if (!idle.closed) await once(idle.resume(), "close");
    await using again = await serveMetrics({ host: "127.0.0.1", port, metrics: scene.metrics, health: WELL });
    assert.equal(again.address.port, port);
    await assert.rejects(
      serveMetrics({ host: "127.0.0.1", port, metrics: scene.metrics, health: WELL }),
      (error) => isOciError(error, "CONFLICT") && /--metrics/.test(error.hint),
    );
  });
});

describe("health", () => {
  test("is 503 with a reason while nothing is served, or the storage fails or hangs", async () => {
    let away: string | undefined = "starting";
    let storage = async (): Promise<void> => undefined;
    let looks = 0;
    const health = createHealth({
      away: () => away,
      storage: () => {
        looks += 1;
        return storage();
      },
      within: 50,
    });
    await using scene = await openMetricsScene({ health });
    const ask = async (): Promise<readonly [number, string]> => {
      const answer = await fetch(`${scene.figures.url}/healthz`);
      return [answer.status, await answer.text()];
    };
    assert.deepEqual(await ask(), [503, "starting\n"]);
    assert.equal(looks, 0);
    away = undefined;
    assert.deepEqual(await ask(), [200, "ok\n"]);
    storage = () => Promise.reject(Object.assign(new Error(SECRET), { code: "EIO" }));
    assert.deepEqual(await ask(), [503, "the storage cannot be read: EIO\n"]);
    const { promise, resolve } = Promise.withResolvers<void>();
    storage = () => promise;
    looks = 0;
    for (let turn = 0; turn < 3; turn += 1) {
      assert.deepEqual(await ask(), [503, "the storage does not answer\n"]);
    }
    assert.equal(looks, 1, "one look at a time");
    resolve();
    storage = async () => undefined;
    assert.deepEqual(await ask(), [200, "ok\n"]);
    away = "stopping";
    assert.deepEqual(await ask(), [503, "stopping\n"]);
  });
});
