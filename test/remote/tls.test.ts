import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { isOciError } from "../../src/error/oci-error.ts";
import { createHosts } from "../../src/remote/hosts.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { parseEndpoint } from "../../src/remote/origin.ts";
import { failsWith } from "../contract/context.ts";
import { blob, readAll } from "../support/content.ts";
import { missing } from "../support/docker-registry.ts";
import { reply, scripted, storeOn } from "./scripted.ts";

const BLOB = blob("behind a lock");
const absent = missing("openssl");

describe("TLS", { skip: absent }, () => {
  let folder: string;
  let key: Buffer;
  let cert: Buffer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "berth-tls-"));
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:registry.example"];
    const args = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      ...subject,
    ];
    await promisify(execFile)("openssl", [...args, "-keyout", keyFile, "-out", certFile]);
    [key, cert] = await Promise.all([readFile(keyFile), readFile(certFile)]);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("an unknown certificate is refused, at once and in words", async () => {
    await using server = await scripted((_, response) => reply(response, 200, {}, BLOB.bytes), { tls: { key, cert } });
    await using store = await storeOn(server, { plainHttp: false });
    await assert.rejects(readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), (error: Error) => {
      assert.ok(isOciError(error, "NETWORK"));
      assert.match(error.message, /certificate of 127\.0\.0\.1:\d+ is not trusted/);
      return true;
    });
    assert.equal(server.seen.length, 0);
  });

  test("its authority given, or any accepted, it works", async () => {
    await using server = await scripted((_, response) => reply(response, 200, {}, BLOB.bytes), { tls: { key, cert } });
    for (const tls of [{ ca: cert }, { ca: cert.toString() }, { insecure: true }]) {
      await using store = await storeOn(server, { tls });
      assert.deepEqual(await readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), Buffer.from(BLOB.bytes));
    }
    assert.equal(server.seen.length, 3);
  });

  test("a certificate for another name is refused though its authority is known", async () => {
    await using server = await scripted((_, response) => reply(response, 200), { tls: { key, cert } });
    const host = server.host.replace("127.0.0.1", "localhost");
    await using store = await storeOn({ host }, { tls: { ca: cert } });
    await failsWith(store.resolve({ tag: "v1" }), "NETWORK");
    assert.equal(server.seen.length, 0);
  });

  test("a client certificate is shown to the registry", async () => {
    const tls = { key, cert, ca: cert, requestCert: true, rejectUnauthorized: true };
    await using server = await scripted((_, response) => reply(response, 200, {}, BLOB.bytes), { tls });
    await using without = await storeOn(server, { tls: { ca: cert }, retries: 0 });
    await failsWith(without.resolve({ tag: "v1" }), "NETWORK");
    await using store = await storeOn(server, { tls: { ca: cert, key, cert } });
    await readAll(store.fetch(BLOB.descriptor, { kind: "blob" }));
  });

  test("large bodies pass both ways, several at a time", async () => {
    const large = blob(Buffer.from(Uint32Array.from({ length: 750_000 }, (_, at) => at * 2_654_435_761).buffer));
    let taken: Buffer | undefined;
    await using server = await scripted(
      ({ method, body }, response) => {
        if (method === "HEAD") return reply(response, 404);
        if (method === "POST") return reply(response, 202, { location: "/v2/team/app/blobs/uploads/1" });
        if (method === "GET") return reply(response, 200, { "content-length": `${large.bytes.length}` }, large.bytes);
        taken = body;
        return reply(response, 201);
      },
      { tls: { key, cert } },
    );
    await using store = await storeOn(server, { tls: { ca: cert } });
    const lent = { kind: "blob", verify: false, lent: true } as const;
    await Promise.all([
      ...[1, 2, 3].map(async () => {
        assert.deepEqual(await readAll(store.fetch(large.descriptor, { kind: "blob" })), large.bytes);
      }),
      store.push(large.descriptor, () => store.fetch(large.descriptor, lent), { kind: "blob" }),
    ]);
    assert.deepEqual(taken, large.bytes);
  });

  test("through a proxy it is between the client and the registry", async () => {
    await using server = await scripted((_, response) => reply(response, 200, {}, BLOB.bytes), { tls: { key, cert } });
    const asked: string[] = [];
    const proxy = createServer((_, response) => reply(response, 400));
    proxy.on("connect", ({ url, headers }, socket) => {
      asked.push(`${url} ${headers["proxy-authorization"]}`);
      const [host, port] = server.host.split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      for (const end of [socket, onward]) end.on("error", () => end.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    try {
      // Without a scheme, as other tools take it.
      await using hosts = createHosts({ env: { https_proxy: `me:secret@127.0.0.1:${port}` } });
      const options = { hosts, host: "registry.example", repository: "team/app", retries: 0 };
      await using store = await openRemote({ ...options, tls: { ca: cert } });
      assert.deepEqual(await readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), BLOB.bytes);
      assert.deepEqual(asked, [`registry.example:443 Basic ${Buffer.from("me:secret").toString("base64")}`]);
      await using stranger = await openRemote({ ...options, repository: "team/other", tls: {} });
      await failsWith(readAll(stranger.fetch(BLOB.descriptor, { kind: "blob" })), "NETWORK");
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  test("plain HTTP is never fallen back to, and said where it is spoken", async () => {
    await using server = await scripted((_, response) => reply(response, 200, {}, BLOB.bytes));
    await using store = await storeOn(server, { plainHttp: false, retries: 0 });
    await assert.rejects(store.resolve({ tag: "v1" }), (error: Error) => {
      assert.ok(isOciError(error, "NETWORK"));
      assert.match(error.hint, /--plain-http/);
      return true;
    });
    assert.equal(server.seen.length, 0);
  });
});

describe("a host as typed", () => {
  const cases: readonly [string, { plainHttp?: boolean; tls?: boolean }, string][] = [
    ["127.0.0.1:5000", {}, "http://127.0.0.1:5000"],
    ["127.9.8.7", {}, "http://127.9.8.7"],
    ["localhost:5000", {}, "http://localhost:5000"],
    ["[::1]:5000", {}, "http://[::1]:5000"],
    ["localhost:5000", { tls: true }, "https://localhost:5000"],
    ["ghcr.io", {}, "https://ghcr.io"],
    ["ghcr.io", { plainHttp: true }, "http://ghcr.io"],
    ["127.example.com", {}, "https://127.example.com"],
    ["localhost.example.com", {}, "https://localhost.example.com"],
    ["10.0.0.1:5000", {}, "https://10.0.0.1:5000"],
    ["docker.io", {}, "https://registry-1.docker.io"],
    ["INDEX.docker.io", {}, "https://registry-1.docker.io"],
  ];
  for (const [host, options, origin] of cases) {
    test(`${host} ${JSON.stringify(options)} is ${origin}`, () =>
      assert.equal(parseEndpoint(host, options).origin, origin));
  }

  for (const host of [
    "",
    "a b",
    "a/b",
    "user@host",
    "host:port",
    "http://host",
    "-x",
    "host\nx",
    "host:99999",
    "ä.example",
  ]) {
    test(`${JSON.stringify(host)} is none`, () => {
      assert.throws(
        () => parseEndpoint(host),
        (error) => isOciError(error, "LOCATOR_INVALID"),
      );
    });
  }
});
