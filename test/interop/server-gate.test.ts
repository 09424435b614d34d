import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { openRemote } from "../../src/remote/open-remote.ts";
import type { Store } from "../../src/store/store.ts";
import { serve } from "../cli/served.ts";
import { pushApp } from "../policy/scene.ts";
import { COSIGN_2, COSIGN_3, CosignPeer } from "./cosign-peer.ts";

const execute = promisify(execFile);
const PUSHER = "ci:s3cr3t";
const POLICY = `version: 1
identities:
  release: { key: other.pub }
rules:
  - { name: released, repositories: ["**"], require: [{ signature: { by: release } }] }
`;

/** Programs of others, and how to get those that are not in Debian. */
const INSTALL: Readonly<Record<string, string>> = {
  skopeo: "apt-get install skopeo",
  crane: "go install github.com/google/go-containerregistry/cmd/crane@latest",
  oras: "go install oras.land/oras/cmd/oras@v1.3.3",
  regctl: "go install github.com/regclient/regclient/cmd/regctl@v0.11.5",
  [COSIGN_2.program]: COSIGN_2.install,
  [COSIGN_3.program]: COSIGN_3.install,
};

function missing(...programs: readonly string[]): string | undefined {
  const absent = programs.filter(
    (program) => spawnSync(program, ["version"]).error && spawnSync(program, ["--version"]).error,
  );
  return absent.length === 0
    ? undefined
    : absent.map((program) => `${program} not found on PATH: ${INSTALL[program]}`).join("; ");
}

interface Scene extends AsyncDisposable {
  readonly host: string;
  readonly folder: string;
  readonly store: Store;
  /** Runs a program as the pusher, or as somebody without any credentials. */
  run(who: "pusher" | "puller", program: string, ...args: readonly string[]): Promise<string>;
}

/** A key that nobody signs with, in the place of cosign's. */
async function needKey(folder: string): Promise<void> {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = publicKey.export({ type: "spki", format: "pem" });
  await writeFile(join(folder, "other.pub"), pem);
}

async function openScene(folder: string, ...options: readonly string[]): Promise<Scene> {
  await mkdir(join(folder, "registry"));
  await writeFile(join(folder, "policy.yaml"), POLICY);
  await writeFile(join(folder, "pushers"), PUSHER);
  const flags = ["--policy", "policy.yaml", "--pusher-password-file", "pushers", ...options];
  const server = await serve(["registry", ...flags], folder);
  const auth = Buffer.from(PUSHER).toString("base64");
  for (const [who, auths] of [
    ["pusher", { [server.host]: { auth } }],
    ["puller", {}],
  ] as const) {
    await mkdir(join(folder, who, ".docker"), { recursive: true });
    await writeFile(join(folder, who, ".docker/config.json"), JSON.stringify({ auths }));
  }
  // cosign's own home.
  await writeFile(join(folder, "config.json"), JSON.stringify({ auths: { [server.host]: { auth } } }));
  const [username = "", password = ""] = PUSHER.split(":");
  const store = await openRemote({
    host: server.host,
    repository: "app",
    credentials: async () => ({ type: "basic", username, password }),
  });
  return {
    host: server.host,
    folder,
    store,
    async run(who, program, ...args) {
      const home = join(folder, who);
      const env = {
        PATH: process.env["PATH"],
        HOME: home,
        DOCKER_CONFIG: join(home, ".docker"),
        REGISTRY_AUTH_FILE: join(home, ".docker/config.json"),
        HTTPS_PROXY: "http://127.0.0.1:9",
        HTTP_PROXY: "http://127.0.0.1:9",
        NO_PROXY: "127.0.0.1",
      };
      return (await execute(program, args, { env, cwd: folder, timeout: 60_000 })).stdout;
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "berth-gate-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

for (const tool of [COSIGN_3, COSIGN_2]) {
  test(`${tool.name} signs what is quarantined, and skopeo and crane see it then`, async (t) => {
    const absent = missing(tool.program, "skopeo", "crane");
    if (absent !== undefined) return t.skip(absent);
    await inFolder(async (folder) => {
      const cosign = await CosignPeer.open(tool, folder);
      await using scene = await openScene(folder);
      const { host, run, store } = scene;
      const { digest } = await pushApp(store, {}, ["v1"]);
      const pulls: readonly (readonly [string, ...string[]])[] = [
        ["skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${host}/app:v1`],
        ["skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${host}/app@${digest}`],
        ["crane", "manifest", "--insecure", `${host}/app:v1`],
        ["crane", "manifest", "--insecure", `${host}/app@${digest}`],
      ];
      for (const [program, ...args] of pulls) {
        await assert.rejects(run("puller", program, ...args), /unknown|not found/i, program);
        assert.match(await run("pusher", program, ...args), /"layers"/, program);
      }
      await cosign.sign("sign", "--key", "other.key", `${host}/app@${digest}`);
      for (const [program, ...args] of pulls) assert.match(await run("puller", program, ...args), /"layers"/, program);
      assert.ok(
        (await cosign.run("verify", "--key", "other.pub", ...cosign.bundleFlags, `${host}/app:v1`)).includes(digest),
      );
      assert.match(await run("puller", "crane", "ls", "--insecure", `${host}/app`), /^v1$/m);
    });
  });
}

test("skopeo and crane push with the pusher's credentials, and nobody pushes without", async (t) => {
  const absent = missing("skopeo", "crane");
  if (absent !== undefined) return t.skip(absent);
  await inFolder(async (folder) => {
    await needKey(folder);
    await using scene = await openScene(folder);
    const { host, run, store } = scene;
    await pushApp(store, {}, ["v1"]);
    const tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    const copy = (to: string): readonly string[] => [
      "copy",
      ...tls,
      `docker://${host}/app:v1`,
      `docker://${host}/${to}:v1`,
    ];
    await run("pusher", "skopeo", ...copy("by-skopeo"));
    await run("pusher", "crane", "copy", "--insecure", `${host}/app:v1`, `${host}/by-crane:v1`);
    for (const name of ["by-skopeo", "by-crane"]) {
      const manifest = ["manifest", "--insecure", `${host}/${name}:v1`];
      assert.match(await run("pusher", "crane", ...manifest), /"layers"/);
      await assert.rejects(run("puller", "crane", ...manifest), /unknown/i);
    }
    await writeFile(join(folder, "file"), "text");
    await assert.rejects(
      run("puller", "crane", "append", "--insecure", "-f", "file", "-t", `${host}/nobody:v1`),
      /UNAUTHORIZED|401/i,
    );
  });
});

test("oras and regctl see what is hidden where they are asked who they are", async (t) => {
  const absent = missing("oras", "regctl");
  if (absent !== undefined) return t.skip(absent);
  await inFolder(async (folder) => {
    await needKey(folder);
    await using scene = await openScene(folder, "--login", "missing");
    const { host, run, store } = scene;
    const { digest } = await pushApp(store, {}, ["v1"]);
    await writeFile(join(folder, "sbom.json"), "{}");
    const regctl = ["--host", `reg=${host},tls=disabled`];
    const attach = [
      "attach",
      "--plain-http",
      "--artifact-type",
      "application/spdx+json",
      `${host}/app:v1`,
      "sbom.json",
    ];
    await run("pusher", "oras", ...attach);
    await assert.rejects(run("puller", "oras", ...attach));
    assert.match(
      await run("pusher", "regctl", ...regctl, "manifest", "get", "--format", "raw-body", `${host}/app:v1`),
      /layers/,
    );
    assert.match(await run("pusher", "regctl", ...regctl, "artifact", "tree", `${host}/app:v1`), /spdx/);
    await assert.rejects(run("puller", "regctl", ...regctl, "manifest", "head", `${host}/app@${digest}`));
  });
});
