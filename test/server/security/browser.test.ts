import assert from "node:assert/strict";
import { test } from "node:test";
import type { Authorize } from "../../../src/server/authorize.ts";
import { blob } from "../../support/content.ts";
import { files, MEDIA, openScene, parsed, putBlob, putImage, startUpload } from "./scene.ts";

const content = blob("from another site");
const { digest } = content.descriptor;

/** What a browser says of a request that a page of another site has told it to send. */
const FOREIGN: readonly Readonly<Record<string, string>>[] = [
  { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "same-site" },
  { "sec-fetch-site": "cross-site" },
  { origin: "https://evil.example" },
  { origin: "null" },
  { origin: "http://localhost:1" },
  { origin: "http://evil.example@registry.example" },
  { origin: "" },
];

for (const medium of MEDIA) {
  test(`${medium} CVE-2019-19025: a page of another site makes nobody's browser push or delete`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    await putBlob(scene, "a", blob("kept"));
    const upload = await startUpload(scene, "a");
    const before = files(scene.root, { own: true });
    for (const foreign of FOREIGN) {
      const headers = { ...foreign, host: "registry.example", cookie: "sid=1" };
      for (const [method, target, body, type] of [
        // A form's own types, for which no browser asks beforehand.
        ["POST", `/v2/evil/blobs/uploads/?digest=${digest}`, content.bytes, "text/plain"],
        ["POST", "/v2/evil/blobs/uploads/", "a=b", "application/x-www-form-urlencoded"],
        ["POST", `/v2/evil/blobs/uploads/?mount=${blob("kept").descriptor.digest}&from=a`, "", "multipart/form-data"],
        ["PATCH", upload, "x", "text/plain"],
        ["PUT", `${upload}?digest=${digest}`, content.bytes, "text/plain"],
        ["DELETE", upload, undefined, "text/plain"],
        ["PUT", "/v2/a/manifests/v2", manifest.bytes, manifest.descriptor.mediaType],
        ["DELETE", "/v2/a/manifests/v1", undefined, "text/plain"],
        ["DELETE", `/v2/a/blobs/${blob("kept").descriptor.digest}`, undefined, "text/plain"],
      ] as const) {
        const sent = { headers: { ...headers, "content-type": type }, ...(body === undefined ? {} : { body }) };
        const reply = await scene.ask(method, target, sent);
        assert.equal(reply.status, 403, `${method} ${target} ${JSON.stringify(foreign)}`);
        assert.equal(reply.code, "DENIED");
      }
      // Asked beforehand or in reading, the server lets no page of another site see what it says.
      for (const method of ["OPTIONS", "GET"]) {
        const reply = await scene.ask(method, "/v2/_catalog", { headers });
        const told = Object.keys(reply.headers).filter((name) => name.startsWith("access-control-"));
        assert.deepEqual(told, []);
      }
    }
    assert.deepEqual(files(scene.root, { own: true }), before);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/_catalog")), { repositories: ["a"] });
    // A page of its own, an address that was typed, and programs are as welcome as ever.
    for (const own of [
      { "sec-fetch-site": "same-origin", origin: "http://registry.example:5000" },
      { "sec-fetch-site": "none" },
      { origin: "https://Registry.example:5000" },
      {},
    ]) {
      const headers = { ...own, host: "registry.example:5000" };
      const reply = await scene.ask("POST", `/v2/a/blobs/uploads/?digest=${digest}`, { headers, body: content.bytes });
      assert.equal(reply.status, 201, JSON.stringify(own));
    }
  });

  test(`${medium} CVE-2026-4404: there is no user and no password that a fresh server knows`, async () => {
    const asked: (string | undefined)[] = [];
    const authorize: Authorize = (who, { action }) => {
      asked.push(who);
      return who === undefined && action !== "ping" ? "deny" : "allow";
    };
    await using scene = await openScene(medium, { authorize });
    assert.equal(scene.server.address.address, "127.0.0.1", "only this machine reaches it");
    const before = files(scene.root, { own: true });
    for (const login of [
      "admin:Harbor12345",
      "admin:admin",
      "admin:password",
      "admin:",
      "root:root",
      ":",
      "berth:berth",
    ]) {
      for (const authorization of [
        `Basic ${Buffer.from(login).toString("base64")}`,
        `Bearer ${Buffer.from(login).toString("base64")}`,
      ]) {
        const headers = { authorization };
        const reply = await scene.ask("POST", `/v2/a/blobs/uploads/?digest=${digest}`, {
          headers,
          body: content.bytes,
        });
        assert.equal(reply.status, 401, login);
        assert.equal((await scene.ask("GET", "/v2/_catalog", { headers })).status, 401, login);
      }
    }
    assert.deepEqual(new Set(asked), new Set([undefined]), "what nobody has checked is nobody's name");
    assert.deepEqual(files(scene.root, { own: true }), before);
  });
}
