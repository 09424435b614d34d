import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { berth, shellCommand } from "./berth.ts";
import { filesBelow, workFolder } from "./fixture.ts";
import { inside, type RanInside } from "./inside.ts";
import {
  BASIC,
  basicRegistry,
  openRegistry,
  SECRET,
  tokenRegistry,
  USER,
  writeLoginHelpers,
} from "./login-registries.ts";

interface Place extends AsyncDisposable {
  readonly path: string;
  /** The credentials file that is written when nothing says otherwise. */
  readonly file: string;
  /** Runs berth in it, and sees to it that it shows no secret. */
  run(line: string, options?: { readonly input?: string; readonly env?: Record<string, string> }): Promise<RanInside>;
  login(host: string, rest?: string): Promise<RanInside>;
  config(): Promise<Record<string, unknown>>;
}

async function place(): Promise<Place> {
  const folder = await workFolder();
  const { path } = folder;
  const file = join(path, "docker/config.json");
  const run: Place["run"] = async (line, { input, env } = {}) => {
    const ran = await inside(line.split(" "), {
      cwd: path,
      env: { DOCKER_CONFIG: join(path, "docker"), PATH: `${join(path, "bin")}:/usr/bin:/bin`, ...env },
      ...(input === undefined ? {} : { input }),
    });
    for (const secret of [SECRET, JSON.stringify(SECRET).slice(1, -1), BASIC.slice(6), "t0ken", "wr0ng"]) {
      assert.ok(!`${ran.out}${ran.err}`.includes(secret), `${line} shows a secret:\n${ran.out}${ran.err}`);
    }
    return ran;
  };
  return {
    path,
    file,
    run,
    login: (host, rest = "") =>
      run(`login ${host} -u ${USER} --password-stdin ${rest}`.trim(), { input: `${SECRET}\n` }),
    config: async () => JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const AUTH = { auth: BASIC.slice(6) };

describe("login", () => {
  for (const [kind, open] of [
    ["Basic", basicRegistry],
    ["a token service", tokenRegistry],
  ] as const) {
    test(`with ${kind}: stored, used, and gone after logout`, async () => {
      await using at = await place();
      await using registry = await open();
      const { host } = registry;
      assert.equal((await at.run(`tag ls ${host}/app`)).code, 4);
      const { code, out, err } = await at.login(host);
      assert.deepEqual([code, out], [0, `Logged in to ${host} as ann\n`], err);
      assert.match(err, /^[^\n]*The login lies in .*config\.json, not encrypted\n$/);
      assert.deepEqual(await at.config(), { auths: { [host]: AUTH } });
      assert.equal((await stat(at.file)).mode & 0o777, 0o600);
      assert.equal((await stat(join(at.path, "docker"))).mode & 0o777, 0o700);
      assert.deepEqual(await filesBelow(join(at.path, "docker")), ["config.json"]);
      assert.equal((await at.run(`tag ls ${host}/app`)).out, "v1\n");
      const gone = await at.run(`logout ${host}`);
      assert.deepEqual([gone.code, gone.out], [0, `Erased the login at ${host} from ${at.file}\n`]);
      assert.deepEqual(await at.config(), { auths: {} });
      assert.equal((await at.run(`tag ls ${host}/app`)).code, 4);
      const again = await at.run(`logout ${host}`);
      assert.deepEqual([again.code, again.out, again.err], [0, "", `There is no login at ${host}\n`]);
    });

    test(`with ${kind} and the wrong password: exit code 4, nothing stored, nothing shown`, async () => {
      await using at = await place();
      await using registry = await open();
      for (const debug of ["", " --debug"]) {
        const line = `login ${registry.host} -u ann --password-stdin${debug}`;
        const { code, out, err } = await at.run(line, { input: "wr0ng" });
        assert.deepEqual([code, out], [4, ""], err);
        assert.match(err, /^berth: .* failed with status 401.*\nhint: Check the user name and the password/);
      }
      assert.deepEqual(await filesBelow(at.path), []);
    });
  }

  test("with a token: kept as Docker's registrytoken, and refused where a helper would have to keep it", async () => {
    await using at = await place();
    await using registry = await basicRegistry();
    const line = `login ${registry.host} --token-stdin`;
    assert.equal((await at.run(line, { input: "wr0ng" })).code, 4);
    assert.equal((await at.run(line, { input: "t0ken\n" })).code, 0);
    assert.deepEqual(await at.config(), { auths: { [registry.host]: { registrytoken: "t0ken" } } });
    assert.equal((await at.run(`tag ls ${registry.host}/app`)).code, 0);
    await writeFile(at.file, '{"credsStore":"chest"}');
    await writeLoginHelpers(join(at.path, "bin"));
    const refused = await at.run(line, { input: "t0ken" });
    assert.deepEqual([refused.code, refused.err.match(/keeps no login for a token/)?.length], [1, 1], refused.err);
  });

  test("at a registry that asks nobody says so and stores; --no-check asks nobody; --dry-run stores nothing", async () => {
    await using at = await place();
    await using registry = await openRegistry();
    const dry = await at.login(registry.host, "--dry-run --json");
    assert.deepEqual(JSON.parse(dry.out), {
      dryRun: true,
      registry: registry.host,
      username: USER,
      checked: false,
      file: at.file,
    });
    assert.deepEqual(await filesBelow(at.path), []);
    const { code, err } = await at.login(registry.host);
    assert.equal(code, 0);
    assert.match(err, /asks for no credentials, so nothing says whether these are right/);
    assert.deepEqual(registry.lines, ["GET /v2/", "GET /v2/"]);
    assert.equal((await at.login("nowhere.invalid", "--no-check")).code, 0);
    const hub = await at.login("docker.io", "--no-check --json");
    assert.deepEqual(JSON.parse(hub.out), { registry: "docker.io", username: USER, checked: false, file: at.file });
    assert.equal((await at.login("QUAY.io/team", "--no-check")).code, 0);
    assert.deepEqual(Object.keys((await at.config())["auths"] ?? {}), [
      registry.host,
      "nowhere.invalid",
      "https://index.docker.io/v1/",
      "quay.io/team",
    ]);
    assert.equal((await at.run("logout quay.io")).out, "");
    assert.match((await at.run("logout quay.io/team")).out, /^Erased/);
    const out = await at.run("logout index.docker.io --json");
    assert.deepEqual(JSON.parse(out.out), { registry: "docker.io", erased: [{ file: at.file }] });
  });

  test("replaces every spelling of the same host, and keeps all that is not the login", async () => {
    await using at = await place();
    await mkdir(join(at.path, "docker"));
    const real = join(at.path, "real.json");
    const before = {
      HttpHeaders: { "X-Meta": "1" },
      auths: { "https://r.example/v1/": { auth: "b2xkOm9sZA==" }, "r.example": { email: "a@b" }, "s.example": {} },
      psFormat: "<x>",
    };
    await writeFile(real, JSON.stringify(before, undefined, 3), { mode: 0o644 });
    await symlink("../real.json", at.file);
    assert.equal((await at.login("r.example", "--no-check")).code, 0);
    const after = { ...before, auths: { "r.example": { email: "a@b", ...AUTH }, "s.example": {} } };
    assert.equal(await readFile(real, "utf8"), JSON.stringify(after, undefined, 3));
    assert.equal((await stat(real)).mode & 0o777, 0o600);
    assert.deepEqual(await filesBelow(join(at.path, "docker")), ["config.json"]);
  });

  test("goes where the host is known, so that no older one hides it; logout erases it everywhere", async () => {
    await using at = await place();
    const env = { REGISTRY_AUTH_FILE: join(at.path, "auth.json") };
    const old = (host: string): string => JSON.stringify({ auths: { [host]: { auth: "b2xkOm9sZA==" } } });
    await writeFile(env.REGISTRY_AUTH_FILE, old("r.example"));
    const login = (host: string): Promise<RanInside> =>
      at.run(`login ${host} -u ann --password-stdin --no-check`, { input: SECRET, env });
    await login("s.example");
    assert.equal(await readFile(env.REGISTRY_AUTH_FILE, "utf8"), old("r.example"));
    await login("r.example");
    assert.equal(await readFile(env.REGISTRY_AUTH_FILE, "utf8"), JSON.stringify({ auths: { "r.example": AUTH } }));
    assert.deepEqual(await at.config(), { auths: { "s.example": AUTH } });
    await at.login("r.example", "--no-check");
    const { out } = await at.run("logout r.example --json", { env });
    const erased = [{ file: env.REGISTRY_AUTH_FILE }, { file: at.file }];
    assert.deepEqual(JSON.parse(out), { registry: "r.example", erased });
    const given = await at.login("r.example", "--no-check --docker-config mine/auth.json --json");
    assert.equal((JSON.parse(given.out) as { file: string }).file, join(at.path, "mine/auth.json"));
  });

  test("a file that is no credentials file is an error and stays as it is", async () => {
    await using at = await place();
    await mkdir(join(at.path, "docker"));
    for (const text of [
      `{"auths": {"r.example": {"auth": ${BASIC.slice(6)}`,
      "[]",
      '{"auths": 7}',
      '{"auths": wr0ng}',
      '{"a":1,"a":2}',
      "\ufeff{}",
    ]) {
      await writeFile(at.file, text);
      for (const line of ["r.example", "r.example --dry-run"]) {
        if (text === '{"auths": 7}' && line.includes("dry")) continue;
        const { code, err } = await at.login(line.replace(" ", " --no-check "), line.includes(" ") ? "" : "--no-check");
        assert.equal(code, 2, err);
        assert.match(err, /^berth: Invalid credentials file/);
      }
      assert.equal(await readFile(at.file, "utf8"), text);
    }
    await writeFile(at.file, "{}");
    await chmod(at.file, 0o000);
    if (process.getuid?.() !== 0) assert.equal((await at.login("r.example", "--no-check")).code, 2);
    assert.deepEqual(await filesBelow(join(at.path, "docker")), ["config.json"]);
  });

  test("with a helper: what it was given, no secret in the file, an older one there goes", async () => {
    await using at = await place();
    await using registry = await basicRegistry();
    const { host } = registry;
    await writeLoginHelpers(join(at.path, "bin"));
    await mkdir(join(at.path, "docker"));
    await writeFile(at.file, JSON.stringify({ auths: { [host]: { auth: "b2xkOm9sZA==" } }, credsStore: "chest" }));
    const { code, out, err } = await at.login(host, "--json");
    assert.equal(code, 0, err);
    assert.equal(err, "");
    assert.deepEqual(JSON.parse(out), {
      registry: host,
      username: USER,
      checked: true,
      file: at.file,
      helper: "chest",
    });
    assert.deepEqual(await at.config(), { auths: {}, credsStore: "chest" });
    const kept = JSON.parse(await readFile(join(at.path, "bin/kept.json"), "utf8")) as unknown;
    assert.deepEqual(kept, { ServerURL: host, Username: USER, Secret: SECRET });
    assert.equal((await at.run(`tag ls ${host}/app`)).out, "v1\n");
    const part = await at.login(`${host}/team`, "--no-check");
    assert.deepEqual([part.code, part.err.match(/keeps no login for a part of/)?.length], [1, 1], part.err);
    assert.match((await at.run(`logout ${host}`)).out, /^Erased the login at \S+ from docker-credential-chest of /);
    assert.equal((await at.run(`tag ls ${host}/app`)).code, 4);
    await writeFile(at.file, JSON.stringify({ credHelpers: { [host]: "failing" } }));
    const failed = await at.login(host);
    assert.deepEqual([failed.code, failed.out], [4, ""]);
    assert.match(failed.err, /^berth: docker-credential-failing failed with exit code 3\n/);
  });

  test("never takes a password from the command line, nor shows it", async () => {
    await using at = await place();
    for (const words of ["-p wr0ng", "-pwr0ng", "--password wr0ng", "--password=wr0ng", "--creds me:wr0ng"]) {
      for (const line of [`login r.example -u ann ${words} --debug`, `tag ls r.example/app ${words}`]) {
        const { code, err } = await at.run(line);
        assert.equal(code, 2);
        assert.match(err, /^berth: A password is not taken from the command line, [^\n]*\nhint: Write: echo/);
      }
    }
    const colon = await at.run("login r.example -u ann:wr0ng --password-stdin", { input: "x" });
    assert.match(colon.err, /^berth: Expected a user name without a colon\n/);
    for (const [line, says] of [
      ["https://me:wr0ng@ghcr.io", /without a scheme\nhint: Write ghcr\.io\n/],
      ["ghcr.io/app:v1", /not for a tag or digest\nhint: Write ghcr\.io, or ghcr\.io\/app\n/],
      ["ghcr.io/v2", /cannot be told from one for all of ghcr\.io/],
    ] as const) {
      const { code, err } = await at.run(`logout ${line}`);
      assert.equal(code, 2, err);
      assert.match(err, says);
    }
    assert.deepEqual(await filesBelow(at.path), []);
  });

  test("twenty at once, of as many hosts, from processes of their own: all are there", async () => {
    await using at = await place();
    const hosts = Array.from({ length: 20 }, (_, number) => `r${number}.example`);
    const env = { DOCKER_CONFIG: join(at.path, "docker") };
    const ran = await Promise.all(
      hosts.map((host) => berth(["login", host, "-u", USER, "--password-stdin", "--no-check"], { env, input: SECRET })),
    );
    assert.deepEqual(
      ran.filter(({ code }) => code !== 0).map(({ err }) => err),
      [],
    );
    assert.deepEqual(Object.keys((await at.config())["auths"] ?? {}).toSorted(), hosts.toSorted());
  });
});

const noScript =
  spawnSync("script", ["--version"]).status === 0 ? false : "script not found on PATH: apt-get install bsdutils";

test("login asks on a terminal, and shows the user name but not the password", { skip: noScript }, async () => {
  await using folder = await workFolder();
  await using registry = await basicRegistry();
  const child = spawn("script", ["-qec", `${shellCommand} login ${registry.host}`, "/dev/null"], {
    cwd: folder.path,
    env: { PATH: process.env["PATH"], HOME: folder.path, TERM: "xterm" },
  });
  // All at once, as from a clipboard.
  const waiting = [{ prompt: "User name for ", keys: `anx\u007fn\r${SECRET}\r` }];
  let shown = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk: string) => {
    shown += chunk;
    if (waiting[0] && shown.includes(waiting[0].prompt)) child.stdin.write(waiting.shift()?.keys ?? "");
  });
  await once(child, "close");
  assert.match(shown, /Password of ann for /);
  assert.match(shown, /Logged in to \S+ as ann/);
  assert.ok(!shown.includes(SECRET.slice(0, 6)), shown);
  const text = await readFile(join(folder.path, ".docker/config.json"), "utf8");
  assert.deepEqual(JSON.parse(text), { auths: { [registry.host]: AUTH } });
});
