import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isOciError } from "../../src/error/oci-error.ts";
import { parseDockerConfig, selectEntry } from "../../src/remote/docker-config.ts";
import { canonicalHost } from "../../src/remote/origin.ts";

function auth(user: string, password: string): { auth: string } {
  return { auth: Buffer.from(`${user}:${password}`).toString("base64") };
}

function select(config: unknown, host: string, repository?: string): unknown {
  const parsed = parseDockerConfig(Buffer.from(JSON.stringify(config)), "config.json");
  const found = selectEntry(parsed, { host: canonicalHost(host), ...(repository === undefined ? {} : { repository }) });
  return found?.credential ?? found?.helper;
}

describe("Docker's credentials file", () => {
  test("hosts match whole, never in part", () => {
    const auths = { "ghcr.io": auth("a", "secret"), "reg.example:5000": auth("b", "x") };
    assert.deepEqual(select({ auths }, "ghcr.io", "team/app"), { type: "basic", username: "a", password: "secret" });
    for (const host of [
      "cr.io",
      "ghcr.io.evil.example",
      "evil.example",
      "xghcr.io",
      "ghcr.io:443",
      "reg.example",
      "reg.example:50",
    ]) {
      assert.equal(select({ auths }, host, "ghcr.io/app"), undefined, host);
    }
    assert.deepEqual(select({ auths }, "REG.example:5000"), { type: "basic", username: "b", password: "x" });
  });

  test("Docker Hub under any of its names", () => {
    for (const key of ["https://index.docker.io/v1/", "index.docker.io/v1", "docker.io", "registry-1.docker.io"]) {
      const found = select({ auths: { [key]: auth("hub", "pw") } }, "docker.io", "library/alpine");
      assert.deepEqual(found, { type: "basic", username: "hub", password: "pw" }, key);
    }
  });

  test("the longest path wins, by whole components", () => {
    const auths = {
      "quay.io": auth("host", "1"),
      "quay.io/team": auth("team", "2"),
      "quay.io/team/app": auth("app", "3"),
    };
    const name = (repository?: string): unknown =>
      (select({ auths }, "quay.io", repository) as { username: string } | undefined)?.username;
    assert.deepEqual(
      [name("team/app"), name("team/app/sub"), name("team/apple"), name("teams"), name()],
      ["app", "app", "team", "host", "host"],
    );
  });

  test("identity and registry tokens, and passwords with colons", () => {
    const auths = {
      "a.example": { ...auth("u", ""), identitytoken: "refresh" },
      "b.example": { registrytoken: "ready" },
      "c.example": auth("u", "p:a:ss"),
      "d.example": {},
      "e.example": { auth: "bm9jb2xvbg==" },
    };
    assert.deepEqual(select({ auths }, "a.example"), { type: "identity", token: "refresh", username: "u" });
    assert.deepEqual(select({ auths }, "b.example"), { type: "bearer", token: "ready" });
    assert.deepEqual(select({ auths }, "c.example"), { type: "basic", username: "u", password: "p:a:ss" });
    assert.equal(select({ auths }, "d.example"), undefined);
    assert.equal(select({ auths }, "e.example"), undefined);
  });

  test("helpers go before what is written down", () => {
    const config = {
      auths: { "a.example": auth("u", "p") },
      credHelpers: { "a.example": "pass" },
      credsStore: "desktop",
    };
    assert.equal(select(config, "a.example"), "pass");
    assert.equal(parseDockerConfig(Buffer.from(JSON.stringify(config)), "x").store, "desktop");
  });

  test("a broken file is an error that names it and shows nothing of it", () => {
    for (const text of ['{"auths": {"x": {"auth": "c2VjcmV0"', "[]", '"secret"']) {
      assert.throws(
        () => parseDockerConfig(Buffer.from(text), "/home/ann/config.json"),
        (error) =>
          isOciError(error, "FILE_INVALID") &&
          error.message.includes("/home/ann/config.json") &&
          !error.message.includes("secret"),
      );
    }
  });

  test("whatever the fields hold, reading does not fail otherwise", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (auths, credHelpers, credsStore) => {
        try {
          const parsed = parseDockerConfig(Buffer.from(JSON.stringify({ auths, credHelpers, credsStore })), "x");
          selectEntry(parsed, { host: "a.example", repository: "b" });
        } catch (error) {
          assert.ok(isOciError(error, "FILE_INVALID"));
        }
      }),
    );
  });
});
