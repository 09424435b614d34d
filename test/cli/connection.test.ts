import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { berth } from "./berth.ts";
import { workFolder } from "./fixture.ts";

const SECRET = "s3cr3t-w0rd";

/** A registry that wants one user's password, or one token, and has one tag. */
async function guarded(): Promise<{ readonly host: string } & AsyncDisposable> {
  const basic = `Basic ${Buffer.from(`me:${SECRET}`).toString("base64")}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization !== basic && request.headers.authorization !== `Bearer ${SECRET}`) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="test"' });
      response.end('{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}');
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(request.url?.startsWith("/v2/app/tags/list") ? '{"name":"app","tags":["v1"]}' : "{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("credentials", () => {
  test("come from --username with --password-stdin, a line break at its end or not", async () => {
    await using registry = await guarded();
    for (const input of [SECRET, `${SECRET}\n`, `${SECRET}\r\n`]) {
      const { code, out, err } = await berth(["tag", "ls", `${registry.host}/app`, "-u", "me", "--password-stdin"], {
        input,
      });
      assert.deepEqual([code, out, err], [0, "v1\n", ""]);
    }
  });

  test("come from the Docker config file, by option or by environment", async () => {
    await using registry = await guarded();
    await using folder = await workFolder();
    const auth = Buffer.from(`me:${SECRET}`).toString("base64");
    await writeFile(join(folder.path, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const line = ["tag", "ls", `${registry.host}/app`];
    const byOption = await berth([...line, "--docker-config", "config.json"], { cwd: folder.path });
    assert.deepEqual([byOption.code, byOption.out], [0, "v1\n"], byOption.err);
    const byEnvironment = await berth(line, { env: { DOCKER_CONFIG: folder.path } });
    assert.deepEqual([byEnvironment.code, byEnvironment.out], [0, "v1\n"], byEnvironment.err);
    const absent = await berth([...line, "--docker-config", "nowhere.json"], { cwd: folder.path });
    assert.equal(absent.code, 2, absent.err);
    assert.match(absent.err, /^berth: Cannot read the credentials file ".*nowhere\.json": it does not exist\nhint: /);
    const directory = await berth([...line, "--docker-config", "."], { cwd: folder.path });
    assert.equal(directory.code, 2, directory.err);
    assert.match(directory.err, /^berth: Cannot read the credentials file ".*": it is a directory\nhint: /);
  });

  test("that are wrong or absent are exit code 4, and appear nowhere, not even with --debug", async () => {
    await using registry = await guarded();
    await using folder = await workFolder();
    const none = await berth(["tag", "ls", `${registry.host}/app`], { env: { HOME: folder.path } });
    assert.equal(none.code, 4, none.err);
    assert.match(none.err, /--password-stdin/);
    const wrong = `${SECRET}-wrong`;
    const refused = await berth(
      ["tag", "ls", `${registry.host}/app`, "-u", "me", "--password-stdin", "--debug", "--progress", "json"],
      {
        input: wrong,
      },
    );
    assert.equal(refused.code, 4, refused.err);
    for (const secret of [wrong, Buffer.from(`me:${wrong}`).toString("base64")]) {
      assert.ok(!`${refused.out}${refused.err}`.includes(secret));
    }
  });

  test("an endless password is refused", async () => {
    const { code, err } = await berth(["tag", "ls", "127.0.0.1:1/app", "-u", "me", "--password-stdin"], {
      input: Buffer.alloc(200_000, "x"),
    });
    assert.equal(code, 5);
    assert.match(err, /password on standard input is larger than 65536 bytes/);
  });
});

describe("--ca-file", () => {
  test("has to be a file with certificates", async () => {
    await using folder = await workFolder();
    await writeFile(join(folder.path, "empty.pem"), "");
    for (const file of ["empty.pem", "nowhere.pem"]) {
      const { code, err } = await berth(["digest", "127.0.0.1:1/app", "--ca-file", file], { cwd: folder.path });
      assert.equal(code, 2);
      assert.match(err, new RegExp(`certificates.* in ${file}`));
    }
  });
});
