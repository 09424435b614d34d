import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startServer } from "../../../scripts/faults/server.ts";
import type { Authorize } from "../../../src/server/authorize.ts";
import { temporaryRoot } from "../../depot/scene.ts";
import { blob, image } from "../../support/content.ts";
import { ask, files, MEDIA, openScene, parsed, putBlob, putImage, type Reply } from "./scene.ts";

const SECRET = "hunter2-of-nobodys-business";
const ENCODED = Buffer.from(`user:${SECRET}`).toString("base64");
const content = blob("content");
const { digest } = content.descriptor;

test("CVE-2025-48374: no secret of a request comes out again, in no log, file, message or answer", async (t) => {
  const folder = await temporaryRoot(t);
  const root = join(folder, "root");
  const log = join(folder, "access.log");
  const told: string[] = [];
  await mkdir(root);
  await using server = await startServer(root, {
    args: ["--access-log", log],
    env: { BERTH_PASSWORD: SECRET, REGISTRY_HTTP_SECRET: SECRET, HTTPS_PROXY: `http://user:${SECRET}@127.0.0.1:1` },
  });
  const { hostname, port } = new URL(server.url);
  const address = { address: hostname, port: Number(port), family: "IPv4" };
  const headers = {
    authorization: `Basic ${ENCODED}`,
    "proxy-authorization": `Bearer ${SECRET}`,
    cookie: `sid=${SECRET}`,
    "x-registry-auth": SECRET,
    "x-api-key": SECRET,
    referer: `http://x/?token=${SECRET}`,
  };
  const say = async (method: string, target: string, body?: Uint8Array): Promise<void> => {
    const reply = await ask({ address }, method, target, { headers, ...(body === undefined ? {} : { body }) });
    told.push(JSON.stringify(reply.headers), reply.bytes.toString());
  };
  const { manifest } = image("x");
  await say("POST", `/v2/a/blobs/uploads/?digest=${digest}&token=${SECRET}`, content.bytes);
  await say("GET", `http://user:${SECRET}@x/v2/a/blobs/${digest}?X-Amz-Signature=${SECRET}`);
  await say("GET", `/v2/a/blobs/uploads/none?token=${SECRET}`);
  await say("PUT", `/v2/a/manifests/v1?token=${SECRET}`, manifest.bytes);
  await say("PUT", `/v2/a/manifests/v1?token=${SECRET}`, Buffer.from("{"));
  await say("GET", `/v2/a/tags/list?last=v1&access_token=${SECRET}&n=x`);
  await say("GET", `/v2/A/manifests/v1?token=${SECRET}`);
  await say("GET", `/v2/_catalog?n=1&n=2&token=${SECRET}`);
  await say("TRACE", `/v2/?token=${SECRET}`);
  // What fails on the server's side is told on its standard error too.
  const path = join(root, "a/blobs/sha256", digest.slice(7));
  await rm(path);
  await symlink("nowhere", path);
  await say("GET", `/v2/a/blobs/${digest}?token=${SECRET}`);
  await say("GET", `http://user:${SECRET}@x/v2/a/blobs/${digest}`);
  const { code, stderr } = await server.stop("SIGTERM");
  assert.equal(code, 0);
  assert.match(stderr, /500.* GET \/v2\/a\/blobs\/sha256:/);
  told.push(stderr);
  let lines = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes("compiled")) continue;
    const text = await readFile(join(entry.parentPath, entry.name), "latin1");
    if (entry.name === "access.log") lines = text.split("\n").length - 1;
    told.push(text);
  }
  assert.equal(lines, 11, "each request is in the log");
  for (const text of told) {
    for (const secret of [SECRET, ENCODED]) assert.equal(text.includes(secret), false, text.slice(0, 300));
  }
});

/** What a stranger may learn of an answer: all but its id, its time and the name that was asked for. */
function seen(reply: Reply, name: string): string {
  const { "x-request-id": _id, date: _date, ...headers } = reply.headers;
  return `${reply.status} ${JSON.stringify(headers)} ${reply.bytes.toString()}`.replaceAll(name, "NAME");
}

for (const medium of MEDIA) {
  test(`${medium} CVE-2019-19030, CVE-2020-13794: what is private looks in every answer like what is not there`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "private", "v1");
    await putBlob(scene, "private", content);
    await putImage(scene, "open", "v1");
    for (const verdict of ["deny", "hide"] as const) {
      const authorize: Authorize = (_who, { repository }) =>
        /^(?:private|missing)$/.test(repository) ? verdict : "allow";
      await scene.restart({ authorize });
      const before = files(scene.root);
      const own = manifest.descriptor.digest;
      for (const [method, rest] of [
        ["GET", "manifests/v1"],
        ["HEAD", "manifests/v1"],
        ["GET", `manifests/${own}`],
        ["GET", `blobs/${digest}`],
        ["HEAD", `blobs/${digest}`],
        ["GET", "tags/list"],
        ["GET", "tags/list?n=1&last=a"],
        ["GET", `referrers/${own}`],
        ["GET", `_oras/artifacts/referrers?digest=${own}`],
        ["GET", "_oci/ext/discover"],
        ["GET", "blobs/uploads/none"],
        ["POST", "blobs/uploads/"],
        ["POST", `blobs/uploads/?digest=${digest}`],
        ["POST", `blobs/uploads/?mount=${digest}&from=open`],
        ["PUT", "manifests/v1"],
        ["DELETE", "manifests/v1"],
        ["DELETE", `manifests/${own}`],
        ["DELETE", `blobs/${digest}`],
      ] as const) {
        const there = await scene.ask(method, `/v2/private/${rest}`);
        const absent = await scene.ask(method, `/v2/missing/${rest}`);
        assert.equal(seen(there, "private"), seen(absent, "missing"), `${verdict} ${method} ${rest}`);
        assert.ok(there.status >= 400 || rest.startsWith("_o") || rest.startsWith("referrers"), `${method} ${rest}`);
      }
      assert.deepEqual(parsed(await scene.ask("GET", "/v2/_catalog")), { repositories: ["open"] });
      assert.deepEqual(files(scene.root), before);
    }
  });

  test(`${medium} CVE-2025-30086: no parameter of a list sorts or filters by what is not in it`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    await putImage(scene, "a", "v2");
    for (const list of ["/v2/_catalog", "/v2/a/tags/list", `/v2/a/referrers/${manifest.descriptor.digest}`]) {
      const plain = await scene.ask("GET", list);
      for (const query of [
        "q=password=~a",
        "q=digest%3D~a",
        "sort=-password",
        "sort=digest",
        "filter=repository_id%3D1",
        "order=pushed_at",
        "where=1%3D1",
        "q[password]=a",
        "__proto__[n]=1",
        "$where=1",
      ]) {
        assert.equal(seen(await scene.ask("GET", `${list}?${query}`), "-"), seen(plain, "-"), `${list}?${query}`);
      }
    }
  });
}
