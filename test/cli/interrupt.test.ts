import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { berth, finish, startBerth } from "./berth.ts";
import { filesBelow, imageOf, workFolder } from "./fixture.ts";

const LAYER = 3 * 1024 * 1024;
const { manifest, config, layer } = imageOf(LAYER);

/** A registry with one image whose layer stops half-way until it is let go. */
class SlowRegistry {
  readonly #server: Server;
  #held: (() => void)[] = [];
  hold = true;
  /** Resolves when half of the layer has been sent. */
  readonly halfSent: Promise<unknown>;

  constructor() {
    let half: (value: unknown) => void = () => undefined;
    this.halfSent = new Promise((resolve) => {
      half = resolve;
    });
    this.#server = createServer((request, response) => {
      const path = request.url ?? "";
      if (path === "/v2/") response.end("{}");
      else if (path.startsWith("/v2/app/manifests/"))
        this.#send(response, manifest.bytes, manifest.descriptor.mediaType);
      else if (path.endsWith(config.descriptor.digest)) this.#send(response, config.bytes, "application/octet-stream");
      else if (path.endsWith(layer.descriptor.digest) && request.method === "HEAD")
        this.#send(response, layer.bytes, "application/octet-stream");
      else if (path.endsWith(layer.descriptor.digest)) this.#sendHalf(request.headers.range, response, half);
      else response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #send(response: ServerResponse, bytes: Uint8Array, type: string): void {
    response.setHeader("content-type", type);
    response.setHeader("content-length", bytes.length);
    response.end(response.req.method === "HEAD" ? undefined : bytes);
  }

  #sendHalf(range: string | undefined, response: ServerResponse, half: (value: unknown) => void): void {
    const start = Number(/bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
    const body = layer.bytes.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": body.length,
      ...(start > 0 ? { "content-range": `bytes ${start}-${LAYER - 1}/${LAYER}` } : {}),
    });
    if (!this.hold) {
      response.end(body);
      return;
    }
    response.write(body.subarray(0, body.length / 2), half);
    this.#held.push(() => response.destroy());
  }

  release(): void {
    this.hold = false;
    for (const end of this.#held) end();
    this.#held = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

describe("a copy that is interrupted in the middle", () => {
  for (const [signal, exit] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    test(`${signal} ends it with ${exit}, nothing is visible or half there, and a rerun completes it`, async () => {
      await using folder = await workFolder();
      await using registry = new SlowRegistry();
      const cwd = folder.path;
      const source = `${await registry.listen()}/app:v1`;
      const child = startBerth(["copy", source, "./b:v1"], { cwd });
      const ended = finish(child);
      await registry.halfSent;
      child.kill(signal);
      const { code, err, out } = await ended;
      assert.equal(code, exit, err);
      assert.match(err, /^berth: Interrupted\nhint: Run the same command again/);
      assert.equal(out, "");
      registry.release();

      const tags = await berth(["tag", "ls", "./b"], { cwd });
      assert.equal(tags.out, "", "no tag is visible");
      const blobs = (await filesBelow(cwd)).filter((name) => /blobs\/sha256\/./.test(name));
      assert.ok(
        !blobs.some((name) => name.endsWith(layer.descriptor.digest.slice("sha256:".length))),
        "no half layer under its name",
      );
      assert.equal((await berth(["layout", "fsck", "./b"], { cwd })).code, 0);

      const rerun = await berth(["copy", source, "./b:v1"], { cwd });
      assert.equal(rerun.code, 0, rerun.err);
      assert.equal((await berth(["digest", "./b:v1"], { cwd })).out.trim(), manifest.descriptor.digest);
      const fsck = await berth(["layout", "fsck", "./b", "--json"], { cwd });
      assert.deepEqual((JSON.parse(fsck.out) as { findings: unknown }).findings, []);
      const left = (await filesBelow(cwd)).filter((name) => /\.berth\/(?:uploads|trash)\/./.test(name));
      assert.deepEqual(left, [], "nothing staged is left behind");
    });
  }

  test("a second Ctrl-C does not wait", async () => {
    await using folder = await workFolder();
    await using registry = new SlowRegistry();
    const child = startBerth(["copy", `${await registry.listen()}/app:v1`, "./b:v1"], { cwd: folder.path });
    const ended = finish(child);
    await registry.halfSent;
    child.kill("SIGINT");
    child.kill("SIGINT");
    assert.equal((await ended).code, 130);
  });

  test("blob get -o leaves no file", async () => {
    await using folder = await workFolder();
    await using registry = new SlowRegistry();
    const cwd = folder.path;
    const source = `${await registry.listen()}/app@${layer.descriptor.digest}`;
    const get = startBerth(["blob", "get", source, "-o", "layer"], { cwd });
    const ended = finish(get);
    const sent = await Promise.race([registry.halfSent.then(() => true), ended.then(() => false)]);
    get.kill("SIGINT");
    const { code, err } = await ended;
    assert.ok(sent, err);
    assert.equal(code, 130, err);
    assert.deepEqual(await filesBelow(cwd), []);
  });
});
