import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { packageVersion } from "../../src/cli/package-version.ts";
import { parseScrape, type Scrape } from "../server/exposition.ts";
import { berth, type Ran } from "./berth.ts";
import { imageLayout, workFolder } from "./fixture.ts";
import { serve, type Served } from "./served.ts";

const SECRET = "hunter2";

/** Where a server that was started with --json has its figures. */
function figuresOf({ firstLine }: Served): string {
  const { metrics } = JSON.parse(firstLine) as { readonly metrics: string };
  assert.match(metrics, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  return metrics;
}

async function scrape(at: string): Promise<Scrape> {
  return parseScrape(await (await fetch(at)).text());
}

/** A request is counted a moment after its answer. */
async function scrapeUntil(at: string, holds: (scrape: Scrape) => boolean): Promise<Scrape> {
  for (let turn = 0; turn < 1000; turn += 1) {
    const found = await scrape(at);
    if (holds(found)) return found;
    await sleep(10);
  }
  assert.fail("It never came");
}

async function health(at: string): Promise<readonly [number, string]> {
  const answer = await fetch(new URL("/healthz", at));
  return [answer.status, await answer.text()];
}

/** A port that somebody else has. */
async function taken(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

describe("serve --metrics", () => {
  test("what clients do is counted on a port of its own; names and passwords are not in it", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await mkdir(join(cwd, "registry"));
    await imageLayout(join(cwd, "images"), ["v1"]);
    await using server = await serve(["registry", "--metrics", "0", "--access-log", "access.log", "--json"], cwd);
    const at = figuresOf(server);
    const target = `${server.host}/${SECRET}/app:${SECRET}`;
    const credentials = ["-u", SECRET, "--password-stdin"];
    const pushed = await berth(["copy", "ocidir://images:v1", target, ...credentials], { cwd, input: SECRET });
    assert.equal(pushed.code, 0, pushed.err);
    assert.equal((await berth(["digest", target], { cwd })).code, 0);
    const found = await scrapeUntil(at, ({ series }) =>
      series("berth_http_requests_total").some(({ method, route }) => method === "HEAD" && route === "manifests"),
    );
    assert.ok(found.value("berth_http_requests_total", { method: "PUT", route: "manifests", status: "201" }) > 0);
    assert.equal(found.value("berth_build_info", { version: packageVersion() }), 1);
    assert.deepEqual(found.series("berth_log_failing"), [{ log: "access" }]);
    assert.ok(found.value("berth_http_received_bytes_total", { route: "manifests" }) > 0);
    assert.ok(found.value("process_resident_memory_bytes") > 0);
    assert.ok(!found.text.includes(SECRET) && !found.text.includes(cwd));
    assert.deepEqual(await health(at), [200, "ok\n"]);
    for (const path of ["/metrics", "/healthz"]) {
      assert.equal((await fetch(`http://${server.host}${path}`)).status, 404);
    }
    await rename(join(cwd, "registry"), join(cwd, "elsewhere"));
    assert.deepEqual(await health(at), [503, "the storage cannot be read: ENOENT\n"]);
    await rename(join(cwd, "elsewhere"), join(cwd, "registry"));
    assert.deepEqual(await health(at), [200, "ok\n"]);
    assert.equal((await server.stop("SIGTERM")).code, 0);
  });

  test("an image that is hidden, released or refused is counted", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await mkdir(join(cwd, "registry"));
    const { manifest } = await imageLayout(join(cwd, "images"), ["v1"]);
    const policy = `version: 1
identities:
  release: { key: berth.pub }
rules:
  - { name: released, repositories: ["**"], require: [{ signature: { by: release } }] }
`;
    await writeFile(join(cwd, "policy.yaml"), policy);
    await writeFile(join(cwd, "pushers"), `ci:${SECRET}\n`);
    const env = { COSIGN_PASSWORD: "" };
    assert.equal((await berth(["key", "generate"], { cwd, env })).code, 0);
    const gate = ["--policy", "policy.yaml", "--pusher-password-file", "pushers", "--gate", "refuse"];
    await using server = await serve(["registry", ...gate, "--metrics", "127.0.0.1:0", "--json"], cwd);
    const at = figuresOf(server);
    const app = `${server.host}/prod/app`;
    const { digest } = manifest.descriptor;
    const as = async (...words: string[]): Promise<Ran> =>
      berth([...words, "-u", "ci", "--password-stdin"], { cwd, env, input: SECRET });
    const decided = async (): Promise<readonly number[]> => {
      const { value } = await scrape(at);
      return ["hidden", "released", "refused"].map((decision) => value("berth_gate_decisions_total", { decision }));
    };
    assert.deepEqual(await decided(), [0, 0, 0]);
    assert.equal((await as("copy", "ocidir://images:v1", `${app}:v1`)).code, 4);
    assert.deepEqual(await decided(), [0, 0, 1]);
    assert.equal((await as("copy", "ocidir://images:v1", `${app}@${digest}`)).code, 0);
    assert.equal((await berth(["digest", `${app}@${digest}`], { cwd })).code, 3);
    assert.deepEqual(await decided(), [1, 0, 1]);
    const signed = await as("sign", `${app}@${digest}`, "--key", "berth.key");
    assert.equal(signed.code, 0, signed.err);
    assert.equal((await berth(["digest", `${app}@${digest}`], { cwd })).code, 0);
    assert.deepEqual(await decided(), [1, 1, 1]);
    const { text } = await scrape(at);
    for (const name of [SECRET, "prod", 'released"}', digest]) {
      assert.equal(text.includes(name), name === 'released"}', name);
    }
    await server.stop("SIGTERM");
  });

  test("while it stops it is not well, and then both ports are gone", async () => {
    await using folder = await workFolder();
    await mkdir(join(folder.path, "registry"));
    await using server = await serve(["registry", "--metrics", ":0", "--json"], folder.path);
    const at = figuresOf(server);
    const started = await fetch(`http://${server.host}/v2/a/blobs/uploads/`, { method: "POST" });
    const [host = "", port = ""] = server.host.split(":");
    const slow = connect(Number(port), host).setEncoding("latin1");
    const path = started.headers.get("location") ?? "";
    slow.write(`PATCH ${path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n`);
    await once(slow, "data");
    assert.equal((await scrape(at)).value("berth_http_requests_in_flight"), 1);
    const ended = server.stop("SIGTERM");
    while ((await health(at))[0] === 200) await sleep(10);
    assert.deepEqual(await health(at), [503, "stopping\n"]);
    assert.equal((await scrape(at)).value("berth_http_requests_in_flight"), 1);
    slow.write("0123456789");
    const [answer] = (await once(slow, "data")) as [string];
    assert.match(answer, /^HTTP\/1\.1 202 /);
    const { code, err } = await ended;
    assert.equal(code, 0);
    assert.match(err, /\nMetrics are at http:\/\/127\.0\.0\.1:\d+\/metrics\n(?:.*\n)*Stopped\n$/);
    await assert.rejects(fetch(at));
    await assert.rejects(fetch(`http://${server.host}/v2/`));
  });

  test("a taken port or a wrong address is one sentence, and nothing is served", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await mkdir(join(cwd, "registry"));
    await using other = await taken();
    for (const [value, code, problem] of [
      [
        `${other.port}`,
        6,
        /^berth: Port \d+ on 127\.0\.0\.1 is taken\nhint: Choose another port for --metrics, or 0 .*\n$/,
      ],
      ["192.0.2.1:0", 2, /^berth: This machine has no address 192\.0\.2\.1\nhint: .* with --metrics; .*\n$/],
      ["nowhere.invalid:0", 2, /^berth: There is no address called nowhere\.invalid\nhint: .* with --metrics; .*\n$/],
      ["127.0.0.1", 2, /^berth: Invalid value "127\.0\.0\.1" for --metrics: expected a port, or host:port/],
      ["65536", 2, /^berth: Invalid value "65536" for --metrics/],
      ["::1:9464", 2, /^berth: Invalid value "::1:9464" for --metrics/],
      ["http://127.0.0.1:9464", 2, /^berth: Invalid value "http:\/\/127\.0\.0\.1:9464" for --metrics/],
    ] as const) {
      const ran = await berth(["serve", "registry", "--port", "0", "--metrics", value], { cwd });
      assert.equal(ran.code, code, ran.err);
      assert.match(ran.err, problem);
      assert.equal(ran.out, "");
    }
    // Nothing is left open when the registry is what cannot be served.
    const missing = await berth(["serve", "nowhere", "--port", "0", "--metrics", "0"], { cwd });
    assert.equal(missing.code, 3);
    assert.equal(missing.out, "");
  });

  test("an address that others reach is warned of; without the option there are no figures", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await mkdir(join(cwd, "registry"));
    await using open = await serve(["registry", "--metrics", "0.0.0.0:0"], cwd);
    assert.equal((await fetch(`http://${open.host}/v2/`)).status, 200);
    const { err } = await open.stop("SIGTERM");
    assert.match(err, /^warning: Whoever reaches http:\/\/0\.0\.0\.0:\d+\/metrics may read the metrics$/m);
    await using plain = await serve(["registry", "--json"], cwd);
    assert.deepEqual(Object.keys(JSON.parse(plain.firstLine) as object), ["url"]);
    assert.doesNotMatch((await plain.stop("SIGTERM")).err, /[Mm]etrics/);
  });
});
