import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { staticCredentials } from "../../src/remote/credential.ts";
import { resolveLocation } from "../../src/remote/origin.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { failsWith } from "../contract/context.ts";
import { blob, readAll, sourceOf } from "../support/content.ts";
import { reply, type Scripted, scripted, type Script, storeOn } from "./scripted.ts";

const BLOB = blob("where the bytes really are");
const SECRET = "s3cret-of-ann";

/** A registry that wants Basic credentials before anything else. */
function guarded(script: Script): Script {
  return (request, response, number) => {
    if (request.headers.authorization === undefined) {
      return reply(response, 401, { "www-authenticate": 'Basic realm="test"' });
    }
    return script(request, response, number);
  };
}

function credentials(server: { host: string }): Parameters<typeof storeOn>[1] {
  return {
    credentials: staticCredentials(server.host, { type: "basic", username: "ann", password: SECRET }),
    headers: { "x-api-key": SECRET },
  };
}

function nothingSecret(sink: Scripted): void {
  assert.ok(sink.seen.length > 0, "the sink was never asked");
  for (const { headers } of sink.seen) {
    assert.equal(headers.authorization, undefined);
    assert.equal(headers.cookie, undefined);
    assert.equal(headers["x-api-key"], undefined);
  }
}

describe("redirects", () => {
  test("no credential goes to another port of the same host", async () => {
    await using sink = await scripted((_, response) => reply(response, 200, {}, BLOB.bytes));
    await using server = await scripted(
      guarded((_, response) => reply(response, 307, { location: `${sink.origin}/cdn?sig=1`, "set-cookie": "a=b" })),
    );
    await using store = await storeOn(server, credentials(server));
    assert.deepEqual(await readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), Buffer.from(BLOB.bytes));
    nothingSecret(sink);
  });

  test("a detour over another origin does not bring credentials back", async () => {
    const back: { origin?: string } = {};
    await using detour = await scripted((_, response) => reply(response, 302, { location: `${back.origin}/final` }));
    await using server = await scripted((request, response) => {
      if (request.url === "/final") return reply(response, 200, {}, BLOB.bytes);
      return guarded((_, inner) => reply(inner, 302, { location: `${detour.origin}/` }))(request, response, 0);
    });
    back.origin = server.origin;
    await using store = await storeOn(server, credentials(server));
    await readAll(store.fetch(BLOB.descriptor, { kind: "blob" }));
    assert.equal(server.seen.at(-1)?.headers.authorization, undefined);
  });

  test("within one origin they stay", async () => {
    await using server = await scripted(
      guarded((request, response) =>
        request.url === "/elsewhere"
          ? reply(response, 200, {}, BLOB.bytes)
          : reply(response, 302, { location: "/elsewhere" }),
      ),
    );
    await using store = await storeOn(server, credentials(server));
    await readAll(store.fetch(BLOB.descriptor, { kind: "blob" }));
    assert.match(server.seen.at(-1)?.headers.authorization ?? "", /^Basic /);
  });

  test("a loop ends", async () => {
    await using server = await scripted((request, response) => reply(response, 302, { location: request.url }));
    await using store = await storeOn(server);
    await failsWith(store.resolve({ tag: "v1" }), "PROTOCOL");
    assert.equal(server.seen.length, 6);
  });

  test("no other scheme is followed, and no URL with credentials", async () => {
    for (const location of [
      "file:///etc/passwd",
      "data:,x",
      "ftp://127.0.0.1/x",
      "http://u:p@127.0.0.1/",
      "http://[",
    ]) {
      await using server = await scripted((_, response) => reply(response, 302, { location }));
      await using store = await storeOn(server);
      await failsWith(readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), "PROTOCOL");
    }
  });

  test("no step down to http, none from elsewhere into this machine or its link", () => {
    const base = new URL("https://registry.example/v2/");
    const refused = [
      "http://registry.example/x",
      "https://127.0.0.1/x",
      "https://localhost:8443/x",
      "https://[::1]/x",
      "https://[::ffff:127.0.0.1]/x",
      "https://169.254.169.254/latest/meta-data",
      "https://0.0.0.0/x",
      "https://2130706433/x",
    ];
    for (const location of refused) {
      assert.throws(
        () => resolveLocation(location, base, "redirect"),
        (error) => isOciError(error, "PROTOCOL"),
        location,
      );
    }
    assert.equal(resolveLocation("https://cdn.example/x?y", base, "redirect").href, "https://cdn.example/x?y");
  });

  test("a query that may be a secret is in no error and no event", async () => {
    const events: string[] = [];
    await using sink = await scripted((_, response) => reply(response, 500));
    await using server = await scripted((_, response) =>
      reply(response, 302, { location: `${sink.origin}/cdn?sig=${SECRET}` }),
    );
    await using store = await storeOn(server, { onEvent: (event) => events.push(JSON.stringify(event)) });
    await assert.rejects(readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), (error: Error) => {
      assert.doesNotMatch(error.message, new RegExp(SECRET));
      return true;
    });
    assert.ok(events.length > 0);
    assert.ok(events.every((event) => !event.includes(SECRET)));
  });
});

describe("an upload's Location", () => {
  test("on another origin is uploaded to without credentials", async () => {
    await using sink = await scripted((_, response) => reply(response, 201));
    await using server = await scripted(
      guarded((request, response) =>
        request.method === "HEAD"
          ? reply(response, 404)
          : reply(response, 202, { location: `${sink.origin}/up?state=x%2Fy` }),
      ),
    );
    await using store = await storeOn(server, credentials(server));
    await store.push(BLOB.descriptor, sourceOf(BLOB.bytes), { kind: "blob" });
    nothingSecret(sink);
    assert.equal(sink.lines[0], `PUT /up?state=x%2Fy&digest=${encodeURIComponent(BLOB.descriptor.digest)}`);
    assert.deepEqual(sink.seen[0]?.body, Buffer.from(BLOB.bytes));
  });

  test("may be relative, and missing is an error", async () => {
    const locations: (string | undefined)[] = ["/v2/uploads/1", "uploads/2?a=b", undefined];
    for (const location of locations) {
      await using server = await scripted((request, response) => {
        if (request.method === "HEAD") reply(response, 404);
        else if (request.method === "POST") reply(response, 202, location === undefined ? {} : { location });
        else reply(response, 201);
      });
      await using store = await storeOn(server);
      const push = store.push(BLOB.descriptor, sourceOf(BLOB.bytes), { kind: "blob" });
      if (location === undefined) await failsWith(push, "PROTOCOL");
      else assert.equal((await push).existed, false);
    }
  });
});
