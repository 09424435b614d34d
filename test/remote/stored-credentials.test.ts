import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askHelper } from "../../src/remote/credential-helper.ts";
import { storedCredentials } from "../../src/remote/stored-credentials.ts";
import { failsWith } from "../contract/context.ts";

function config(user: string, host = "r.example"): string {
  return JSON.stringify({ auths: { [host]: { auth: Buffer.from(`${user}:pw`).toString("base64") } } });
}

describe("stored credentials", () => {
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), "berth-credentials-"));
    const script = (body: string): string => `#!/bin/sh\nread -r server\n${body}\n`;
    const helpers: Record<string, string> = {
      good: script('printf \'{"ServerURL":"%s","Username":"ann","Secret":"for %s"}\' "$server" "$server"'),
      token: script('printf \'{"Username":"<token>","Secret":"refresh"}\''),
      none: script('echo "credentials not found in native keychain"; exit 1'),
      broken: script('echo "s3cret {"; exit 0'),
      failing: script('echo "s3cret"; exit 3'),
      hanging: "#!/bin/sh\nexec sleep 60\n",
      flooding: "#!/bin/sh\nexec yes s3cret\n",
    };
    for (const [name, text] of Object.entries(helpers)) await put(`bin/docker-credential-${name}`, text, 0o755);
  });
  after(() => rm(home, { recursive: true, force: true }));

  async function put(path: string, text: string, mode = 0o600): Promise<string> {
    const full = join(home, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, text);
    await chmod(full, mode);
    return full;
  }

  function env(extra: Record<string, string> = {}): Record<string, string> {
    return { PATH: `${join(home, "bin")}:/usr/bin:/bin`, ...extra };
  }

  test("are read where each tool's login puts them, the most explicit place first", async () => {
    const target = { host: "r.example", repository: "a" };
    const user = async (extra: Record<string, string>): Promise<unknown> => {
      const found = await storedCredentials({ env: env(extra), home })(target);
      return found?.type === "basic" ? found.username : found;
    };
    assert.equal(await user({}), undefined);
    await put(".docker/config.json", config("docker-home"));
    assert.equal(await user({}), "docker-home");
    await put(".config/containers/auth.json", config("containers-home"));
    assert.equal(await user({}), "containers-home");
    await put("run/containers/auth.json", config("runtime"));
    assert.equal(await user({ XDG_RUNTIME_DIR: join(home, "run") }), "runtime");
    await put("docker/config.json", config("docker-config"));
    const docker = { DOCKER_CONFIG: join(home, "docker"), XDG_RUNTIME_DIR: join(home, "run") };
    assert.equal(await user(docker), "docker-config");
    const file = await put("auth.json", config("auth-file"));
    assert.equal(await user({ ...docker, REGISTRY_AUTH_FILE: file }), "auth-file");
  });

  test("of a file that is broken, too large or not there are errors", async () => {
    const from = (file: string): Promise<unknown> => storedCredentials({ env: env(), file })({ host: "r.example" });
    await failsWith(from(await put("broken.json", "{")), "FILE_INVALID");
    await failsWith(from(await put("large.json", " ".repeat(1024 * 1024 + 1))), "LIMIT_EXCEEDED");
    await failsWith(from(join(home, "nowhere.json")), "FILE_INVALID");
    assert.equal(await from(await put("empty.json", "")), undefined);
  });

  test("come from helpers, per host and for all", async () => {
    const file = await put(
      "helpers.json",
      JSON.stringify({ credHelpers: { "r.example": "token" }, credsStore: "good" }),
    );
    const source = storedCredentials({ env: env(), file });
    assert.deepEqual(await source({ host: "r.example" }), { type: "identity", token: "refresh" });
    assert.deepEqual(await source({ host: "other.example" }), {
      type: "basic",
      username: "ann",
      password: "for other.example",
    });
    assert.deepEqual(await source({ host: "docker.io" }), {
      type: "basic",
      username: "ann",
      password: "for https://index.docker.io/v1/",
    });
  });

  test("a helper that knows nothing is no error, one that fails is, and shows no secret", async () => {
    assert.equal(await askHelper("none", "r.example", { env: env() }), undefined);
    const failing: readonly [string, "UNAUTHORIZED" | "FILE_INVALID", number?][] = [
      ["broken", "UNAUTHORIZED"],
      ["failing", "UNAUTHORIZED"],
      ["hanging", "UNAUTHORIZED", 200],
      ["flooding", "UNAUTHORIZED"],
      ["absent", "UNAUTHORIZED"],
      ["../evil", "FILE_INVALID"],
      ["a b", "FILE_INVALID"],
      ["-x", "FILE_INVALID"],
      ["", "FILE_INVALID"],
    ];
    for (const [name, code, timeout] of failing) {
      const asked = askHelper(name, "r.example", { env: env(), ...(timeout === undefined ? {} : { timeout }) });
      await assert.rejects(asked, (error: Error) => !`${error.message} ${String(error.cause)}`.includes("s3cret"));
      await failsWith(asked, code);
    }
  });

  test("a helper is stopped by the signal, with its own reason", async () => {
    const stop = new AbortController();
    const asked = askHelper("hanging", "r.example", { env: env(), signal: stop.signal });
    stop.abort(new Error("Never mind"));
    await assert.rejects(asked, { message: "Never mind" });
  });
});
