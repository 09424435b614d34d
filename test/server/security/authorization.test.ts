import assert from "node:assert/strict";
import { test } from "node:test";
import type { Access, Authorize } from "../../../src/server/authorize.ts";
import { blob, image } from "../../support/content.ts";
import { files, MEDIA, openScene, parsed, putBlob, putImage } from "./scene.ts";

const next = image("next");
const own = next.manifest.descriptor.digest;

for (const medium of MEDIA) {
  test(`${medium} CVE-2024-41110, CVE-2026-34040: who is asked and who answers see one request, whatever body it brings`, async () => {
    const asked: Access[] = [];
    const authorize: Authorize = (_who, access) => {
      asked.push(access);
      return access.repository === "open" ? "allow" : "deny";
    };
    await using scene = await openScene(medium);
    for (const part of next.blobs) await putBlob(scene, "open", part);
    await putImage(scene, "closed", "v1");
    await scene.restart({ authorize });
    const before = files(scene.root);
    const type = `content-type: ${next.manifest.descriptor.mediaType}\r\n`;
    const put = (name: string, extra: string) =>
      `PUT /v2/${name}/manifests/v1 HTTP/1.1\r\nhost: x\r\n${type}${extra}\r\n`;
    const body = Buffer.from(next.manifest.bytes).toString();
    const padded = `${body.slice(0, -1)}${" ".repeat(2 * 1024 * 1024)}}`;
    // A length of nothing: the body is the next request, and asked about as such.
    for (const smuggled of [
      put("open", "content-length: 0\r\n") +
        put("closed", `content-length: ${body.length}\r\nconnection: close\r\n`) +
        body,
      put("open", "content-length: 0\r\n") + body,
      put("open", "transfer-encoding: chunked\r\n") +
        `0\r\n\r\n` +
        put("closed", `content-length: ${body.length}\r\nconnection: close\r\n`) +
        body,
      put("closed", "content-length: 0\r\nconnection: close\r\n") + body,
      put("closed", `content-length: ${padded.length}\r\nconnection: close\r\n`) + padded,
      put("closed", "content-length: 5\r\ntransfer-encoding: chunked\r\n") + `0\r\n\r\n` + body,
      `GET /v2/open/manifests/v1 HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\nx-http-method-override: DELETE\r\nconnection: close\r\n\r\n${"DELETE /v2/closed/v1"}`,
    ]) {
      await using wire = await scene.wire();
      wire.write(smuggled);
      const got = await wire.closed();
      assert.doesNotMatch(got, /HTTP\/1\.1 2/, smuggled.slice(0, 200));
    }
    assert.ok(asked.some(({ repository }) => repository === "closed"));
    for (const access of asked) assert.ok(["open", "closed"].includes(access.repository), JSON.stringify(access));
    assert.deepEqual(files(scene.root), before);

    // Of a body over a mebibyte, all of it counts, not what a plug-in might have seen.
    asked.length = 0;
    const large = await scene.ask("PUT", "/v2/open/manifests/v1", {
      headers: { "content-type": next.manifest.descriptor.mediaType },
      body: padded,
    });
    assert.equal(large.status, 201);
    assert.ok(asked.every(({ action, tag }) => action === "push" && tag === "v1"));
    assert.equal((await scene.ask("GET", "/v2/open/manifests/v1")).bytes.toString(), padded);
  });

  test(`${medium} CVE-2026-31801: who may create tags but not move them moves none, at once or in a race`, async () => {
    const authorize: Authorize = (who, { action, exists }) =>
      who === undefined && action === "push" && exists === true ? "deny" : "allow";
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "latest");
    await putImage(scene, "a", "other", next);
    await scene.restart({ authorize });
    const headers = { "content-type": next.manifest.descriptor.mediaType };
    const put = (rest: string, extra: Record<string, string> = {}) =>
      scene.ask("PUT", `/v2/a/manifests/${rest}`, { headers: { ...headers, ...extra }, body: next.manifest.bytes });
    for (const rest of [
      "latest",
      "%6catest",
      "l%61test?x=1",
      `${own}?tag=latest`,
      `${own}?tag=%6catest`,
      `${own}?tag=fresh&tag=latest`,
      `${own}?tag=latest&tag=latest`,
    ]) {
      for (const extra of [{}, { "if-match": "*" }, { "if-match": `"${manifest.descriptor.digest}"` }]) {
        const { status } = await put(rest, extra);
        assert.ok(status === 401 || status === 412, `${rest}: ${status}`);
      }
    }
    // Tags differ by their case.
    assert.equal((await put("Latest")).status, 201);
    const head = await scene.ask("HEAD", "/v2/a/manifests/latest");
    assert.equal(head.headers["docker-content-digest"], manifest.descriptor.digest);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), {
      name: "a",
      tags: ["Latest", "latest", "other"],
    });

    // Two creators of one tag: the second one would move it.
    const other = (await scene.ask("GET", "/v2/a/manifests/latest")).bytes;
    const racers = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        at % 2 === 0 ? put("raced") : scene.ask("PUT", "/v2/a/manifests/raced", { headers, body: other }),
      ),
    );
    assert.equal(racers.filter(({ status }) => status === 201).length, 1);
    const winner = racers.find(({ status }) => status === 201)?.headers["docker-content-digest"];
    assert.equal((await scene.ask("HEAD", "/v2/a/manifests/raced")).headers["docker-content-digest"], winner);
  });

  test(`${medium} C35: a push that is denied costs nothing: no byte is read, no file made, no repository opened`, async () => {
    await using scene = await openScene(medium, { authorize: () => "deny" });
    const part = blob(Buffer.alloc(100_000));
    const before = files(scene.root, { own: true });
    for (const head of [
      `POST /v2/a/blobs/uploads/?digest=${part.descriptor.digest}`,
      `PATCH /v2/a/blobs/uploads/${"0".repeat(32)}`,
      `PUT /v2/a/blobs/uploads/${"0".repeat(32)}?digest=${part.descriptor.digest}`,
      "PUT /v2/a/manifests/v1",
    ]) {
      await using wire = await scene.wire();
      wire.write(`${head} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100000\r\n\r\n`);
      const got = await wire.closed();
      assert.match(got, /^HTTP\/1\.1 401 /);
      assert.doesNotMatch(got, /100 Continue/);
    }
    assert.deepEqual(files(scene.root, { own: true }), before);
  });
}
