import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import { workFolder } from "../cli/fixture.ts";
import { openPackageRegistry } from "./package-registry.ts";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const folder = join(root, "action");

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly {
      readonly id?: string;
      readonly uses?: string;
      readonly shell?: string;
      readonly run?: string;
      readonly env?: Readonly<Record<string, string>>;
    }[];
  };
}

const action = parse(await readFile(join(folder, "action.yml"), "utf8")) as Action;

test("action.yml is a composite action whose scripts hold no input, and whose actions are pinned", () => {
  assert.equal(action.runs.using, "composite");
  for (const { uses, run, shell } of action.runs.steps) {
    if (uses !== undefined) assert.match(uses, /^actions\/[a-z-]+@[0-9a-f]{40}$/);
    if (run === undefined) continue;
    assert.equal(shell, "bash");
    assert.ok(!run.includes("${{"), run);
  }
  const ids = action.runs.steps.map(({ id }) => id);
  for (const { value } of Object.values(action.outputs)) {
    assert.ok(ids.includes(/steps\.(\w+)\.outputs/.exec(value)?.[1]), value);
  }
});

test("its steps install berth from npm, from a tarball, and refuse what is no version", async () => {
  await using scope = await workFolder();
  const packed = await execute("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", scope.path], {
    cwd: root,
  });
  const tarball = join(scope.path, packed.stdout.trim());
  await using registry = await openPackageRegistry(tarball);
  let jobs = 0;
  const install = async (inputs: Readonly<Record<string, string>>): Promise<{ path: string; version: string }> => {
    const temporary = join(scope.path, `runner-${(jobs += 1)}`);
    await mkdir(temporary);
    const files = { GITHUB_PATH: join(temporary, "path"), GITHUB_OUTPUT: join(temporary, "output") };
    for (const { run, env = {} } of action.runs.steps) {
      if (run === undefined) continue;
      const values = Object.entries(env).map(([name, value]) => {
        const input = /^\$\{\{ inputs\.(\w+) \}\}$/.exec(value)?.[1] ?? "";
        return [name, inputs[input] ?? action.inputs[input]?.default ?? ""];
      });
      await execute("bash", ["-c", run], {
        env: {
          PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
          HOME: temporary,
          RUNNER_TEMP: temporary,
          GITHUB_ACTION_PATH: folder,
          npm_config_registry: registry.url,
          npm_config_cache: join(scope.path, "cache"),
          npm_config_update_notifier: "false",
          ...files,
          ...Object.fromEntries(values),
        },
        cwd: temporary,
        timeout: 120_000,
      });
    }
    return {
      path: (await readFile(files.GITHUB_PATH, "utf8")).trim(),
      version: (await readFile(files.GITHUB_OUTPUT, "utf8")).trim(),
    };
  };
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { readonly version: string };
  for (const inputs of [{ version }, { path: tarball }]) {
    const { path, version: told } = await install(inputs);
    assert.equal(told, `version=${version}`);
    const env = { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}` };
    const { stdout } = await execute(join(path, "berth"), ["version"], { env, cwd: scope.path });
    assert.ok(stdout.startsWith(`berth ${version} `), stdout);
    const plugin = join(path, "../berth/bin/plugins/pkcs11/notation-pkcs11");
    const asked = await execute(plugin, ["get-plugin-metadata"], { env });
    assert.match(asked.stdout, /"name":"pkcs11"/);
  }
  for (const wrong of ["; touch owned", "$(id)", "--registry=x", "../elsewhere"]) {
    await assert.rejects(install({ version: wrong }), ({ stdout }: { readonly stdout: string }) =>
      stdout.includes("::error::Expected a version"),
    );
  }
});
