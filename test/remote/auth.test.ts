import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { type Credential, staticCredentials } from "../../src/remote/credential.ts";
import { createHosts } from "../../src/remote/hosts.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { parseRealm } from "../../src/remote/token.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { failsWith } from "../contract/context.ts";
import { blob, image, readAll } from "../support/content.ts";
import { reply, type Scripted, scripted, type Seen, storeOn } from "./scripted.ts";

const BLOB = blob("behind a door");
const ANN: Credential = { type: "basic", username: "ann", password: "pass:wörd" };
const BASIC = `Basic ${Buffer.from("ann:pass:wörd").toString("base64")}`;

/** A token service and a registry that takes what it gives. */
async function withTokens(
  service: (request: Seen, response: ServerResponse, number: number) => void,
  challenge: (realm: string) => string = (realm) =>
    `Bearer realm="${realm}/token",service="reg, one",scope="repository:team/app:pull"`,
): Promise<{ tokens: Scripted; registry: Scripted } & AsyncDisposable> {
  const tokens = await scripted(service);
  const registry = await scripted((request, response) => {
    if (request.headers.authorization === "Bearer good") return reply(response, 200, {}, BLOB.bytes);
    return reply(response, 401, { "www-authenticate": challenge(tokens.origin) });
  });
  return {
    tokens,
    registry,
    async [Symbol.asyncDispose]() {
      await tokens[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

const good = JSON.stringify({ token: "good", expires_in: 300 });

describe("bearer tokens", () => {
  test("are got with Basic credentials, once for many requests, and shared in a pool", async () => {
    await using pair = await withTokens((_, response) => reply(response, 200, {}, good));
    await using hosts = createHosts();
    const options = {
      host: pair.registry.host,
      repository: "team/app",
      hosts,
      credentials: staticCredentials(pair.registry.host, ANN),
    };
    const stores = await Promise.all([openRemote(options), openRemote(options)]);
    for (const store of stores) {
      const reads = Array.from({ length: 10 }, () => readAll(store.fetch(BLOB.descriptor, { kind: "blob" })));
      await Promise.all(reads);
    }
    assert.equal(pair.tokens.seen.length, 1);
    const asked = new URL(pair.tokens.seen[0]?.url ?? "", "http://x");
    assert.equal(asked.searchParams.get("service"), "reg, one");
    assert.equal(asked.searchParams.get("scope"), "repository:team/app:pull");
    assert.equal(pair.tokens.seen[0]?.headers.authorization, BASIC);
    assert.ok(
      pair.registry.seen.every(({ headers }) => headers.authorization !== BASIC),
      "the password went to the registry",
    );
  });

  test("are asked for anew when they have run out or are refused", async () => {
    await using pair = await withTokens((_, response, number) =>
      reply(response, 200, {}, JSON.stringify({ access_token: number === 1 ? "stale" : "good", expires_in: 300 })),
    );
    await using store = await storeOn(pair.registry);
    await failsWith(readAll(store.fetch(BLOB.descriptor, { kind: "blob" })), "UNAUTHORIZED");
    await readAll(store.fetch(BLOB.descriptor, { kind: "blob" }));
    assert.equal(pair.tokens.seen.length, 2);
    assert.equal(pair.tokens.seen[0]?.headers.authorization, undefined);
  });

  test("come for a refresh token by POST", async () => {
    await using pair = await withTokens((request, response) => {
      const form = new URLSearchParams(request.body.toString());
      const right =
        request.method === "POST" &&
        form.get("refresh_token") === "fresh" &&
        form.get("grant_type") === "refresh_token";
      reply(response, right ? 200 : 400, {}, good);
    });
    const credentials = staticCredentials(pair.registry.host, { type: "identity", token: "fresh" });
    await using store = await storeOn(pair.registry, { credentials });
    await readAll(store.fetch(BLOB.descriptor, { kind: "blob" }));
    assert.deepEqual(pair.tokens.lines, ["POST /token"]);
  });

  test("come by GET where the service knows no POST", async () => {
    await using pair = await withTokens((request, response) =>
      reply(response, request.method === "POST" ? 405 : 200, {}, good),
    );
    const credentials = staticCredentials(pair.registry.host, { type: "identity", token: "fresh" });
    await using store = await storeOn(pair.registry, { credentials });
    await readAll(store.fetch(BLOB.descriptor, { kind: "blob" }));
    assert.deepEqual(
      pair.tokens.seen.map(({ method }) => method),
      ["POST", "GET"],
    );
  });

  test("from a service that says no, talks nonsense or never ends", async () => {
    const answers: readonly [number, string, "UNAUTHORIZED" | "DENIED" | "PROTOCOL"][] = [
      [401, "", "UNAUTHORIZED"],
      [403, "", "DENIED"],
      [200, "<html>", "PROTOCOL"],
      [200, "{}", "PROTOCOL"],
      [200, JSON.stringify({ token: "two\r\nlines" }), "PROTOCOL"],
    ];
    for (const [status, body, code] of answers) {
      await using pair = await withTokens((_, response) => reply(response, status, {}, body));
      await using store = await storeOn(pair.registry, { credentials: staticCredentials(pair.registry.host, ANN) });
      await failsWith(store.resolve({ tag: "v1" }), code);
    }
  });

  test("a token given by hand is sent as it is and never exchanged", async () => {
    await using pair = await withTokens((_, response) => reply(response, 200, {}, good));
    const given = (token: string): Promise<Buffer> =>
      storeOn(pair.registry, { credentials: staticCredentials(pair.registry.host, { type: "bearer", token }) }).then(
        (store) => readAll(store.fetch(BLOB.descriptor, { kind: "blob" })),
      );
    assert.deepEqual(await given("good"), Buffer.from(BLOB.bytes));
    await failsWith(given("bad"), "UNAUTHORIZED");
    assert.equal(pair.tokens.seen.length, 0);
  });

  test("a mount asks for both repositories", async () => {
    await using pair = await withTokens((_, response) => reply(response, 200, {}, good));
    await using store = await storeOn(pair.registry);
    const from = { medium: "registry", origin: pair.registry.origin, repository: "other/app" } as const;
    await store.mount?.(image("x").blobs[0]?.descriptor ?? BLOB.descriptor, from);
    const scopes = new URL(pair.tokens.seen[0]?.url ?? "", "http://x").searchParams.getAll("scope");
    assert.deepEqual(scopes.toSorted(), ["repository:other/app:pull", "repository:team/app:pull,push"]);
  });
});

describe("a realm", () => {
  const refused: readonly [string, string | undefined][] = [
    ["https://r.example", "http://auth.example/token"],
    ["https://r.example", "http://r.example/token"],
    ["http://127.0.0.1:5000", "http://auth.example/token"],
    ["http://r.example", "http://127.0.0.1/token"],
    ["https://r.example", "https://u:p@auth.example/token"],
    ["https://r.example", "file:///etc/passwd"],
    ["https://r.example", "token"],
    ["https://r.example", undefined],
  ];
  for (const [registry, realm] of refused) {
    test(`${realm} of ${registry} is refused`, () => {
      assert.throws(
        () => parseRealm(realm, new URL(registry)),
        (error) => isOciError(error, "PROTOCOL"),
      );
    });
  }

  test("elsewhere over https, on the registry's own host, and between loopback ports is taken", () => {
    assert.equal(
      parseRealm("https://auth.docker.io/token", new URL("https://registry-1.docker.io")).host,
      "auth.docker.io",
    );
    assert.equal(parseRealm("http://r.example:81/t", new URL("http://r.example")).host, "r.example:81");
    assert.equal(parseRealm("http://localhost:1/t", new URL("http://127.0.0.1:5000")).host, "localhost:1");
  });
});

describe("other answers", () => {
  test("a registry that says 401 for ever is asked twice at most", async () => {
    await using server = await scripted((_, response) =>
      reply(response, 401, { "www-authenticate": 'Basic realm="x"' }),
    );
    await using store = await storeOn(server, { credentials: staticCredentials(server.host, ANN) });
    await failsWith(store.resolve({ tag: "v1" }), "UNAUTHORIZED");
    assert.deepEqual(
      server.seen.map(({ headers }) => headers.authorization),
      [undefined, BASIC],
    );
  });

  test("a challenge that is none, unknown, or 15 KB", async () => {
    for (const challenge of ["", "Negotiate abc", `Bearer realm="${"x".repeat(15_000)}"`]) {
      await using server = await scripted((_, response) =>
        reply(response, 401, challenge ? { "www-authenticate": challenge } : {}),
      );
      await using store = await storeOn(server, { credentials: staticCredentials(server.host, ANN) });
      await failsWith(store.resolve({ tag: "v1" }), "UNAUTHORIZED", "PROTOCOL");
      assert.equal(server.seen.length, 1);
    }
  });

  test("403 is DENIED", async () => {
    await using server = await scripted((_, response) => reply(response, 403));
    await using store = await storeOn(server);
    await failsWith(store.resolve({ tag: "v1" }), "DENIED");
    assert.equal(server.seen.length, 1);
  });

  test("credentials of another host are not even looked at", async () => {
    await using server = await scripted((_, response) =>
      reply(response, 401, { "www-authenticate": 'Basic realm="x"' }),
    );
    await using store = await storeOn(server, { credentials: staticCredentials("127.0.0.1", ANN) });
    await failsWith(store.resolve({ tag: "v1" }), "UNAUTHORIZED");
    assert.equal(server.seen.length, 1);
  });
});
