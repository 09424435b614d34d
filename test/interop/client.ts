import { execFile, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { type Operation, record } from "../../scripts/interop/matrix.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { serve } from "../cli/served.ts";
import { image, pushImage } from "../support/content.ts";

const execute = promisify(execFile);

/** A program of others that speaks to registries. */
export interface Client {
  readonly name: string;
  /** On PATH. */
  readonly program: string;
  /** What makes it print its version, and where in what it prints. */
  readonly version: { readonly args: readonly string[]; readonly pattern: RegExp };
  /** How to get it. */
  readonly install: string;
}

/** A running `berth serve` of a depot, and a client beside it. */
export interface Setting {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** The depot. */
  readonly root: string;
  /** The client's home and working directory. */
  readonly folder: string;
  /** Runs the client and gives what it printed. */
  run(...args: string[]): Promise<string>;
  /** Runs another program in the same surroundings. */
  other(program: string, ...args: string[]): Promise<string>;
  /** One cell of the matrix: what it was, with which commands, and the proof. */
  operation(name: Operation, commands: string, work: () => Promise<void>): Promise<void>;
}

/** Nothing but the loopback interface is there for a client, whatever it would like to ask. */
const NOWHERE = { HTTPS_PROXY: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" };

/** Runs a test with a client against a served depot, or skips it loudly where the client is absent. */
export function withClient(client: Client, work: (setting: Setting) => Promise<void>): void {
  test(`${client.name} against berth serve`, async (t) => {
    const version = versionOf(client);
    if (version === undefined) {
      const missing = `${client.program} not found on PATH: ${client.install}`;
      record({ client: client.name, missing });
      t.skip(missing);
      return;
    }
    const folder = await mkdtemp(join(tmpdir(), "berth-interop-"));
    try {
      const root = join(folder, "depot");
      await mkdir(root);
      await using server = await serve([root], folder);
      await work(await settle(t, client, { version, folder, root, host: server.host }));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

function versionOf({ program, version }: Client): string | undefined {
  const ran = spawnSync(program, version.args, { encoding: "utf8" });
  return ran.error ? undefined : (version.pattern.exec(`${ran.stdout}\n${ran.stderr}`)?.[1] ?? "of unknown version");
}

interface Where {
  readonly version: string;
  readonly folder: string;
  readonly root: string;
  readonly host: string;
}

async function settle(t: TestContext, client: Client, where: Where): Promise<Setting> {
  const { version, folder, root, host } = where;
  // A home of its own: nobody's logins, keys and settings, and nothing written to them.
  await writeFile(join(folder, "config.json"), "{}");
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: join(folder, "config"),
    XDG_CACHE_HOME: join(folder, "cache"),
    XDG_DATA_HOME: join(folder, "data"),
    DOCKER_CONFIG: folder,
    COSIGN_PASSWORD: "",
    CONTAINERS_STORAGE_CONF: join(folder, "storage.conf"),
    ...NOWHERE,
  };
  const other = async (program: string, ...args: string[]): Promise<string> => {
    const { stdout } = await execute(program, args, { env, cwd: folder, timeout: 120_000 });
    return stdout;
  };
  return {
    host,
    root,
    folder,
    run: (...args) => other(client.program, ...args),
    other,
    async operation(operation, commands, work) {
      await t.test(`${operation}: ${commands}`, async () => {
        await work();
        record({ client: client.name, version, operation, commands });
      });
    },
  };
}

const ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*";

/** The digest that the server gives a name, asked without any client; null when it has none. */
export async function digestAt(host: string, repository: string, name: string): Promise<string | null> {
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${name}`, {
    method: "HEAD",
    headers: { accept: ACCEPT },
  });
  return answer.status === 200 ? answer.headers.get("docker-content-digest") : null;
}

/** The artifact types of what hangs on a digest, by the referrers API. */
export async function referrerTypes(host: string, repository: string, digest: string): Promise<readonly string[]> {
  const answer = await fetch(`http://${host}/v2/${repository}/referrers/${digest}`);
  const { manifests } = (await answer.json()) as { readonly manifests: readonly { readonly artifactType?: string }[] };
  return manifests.map(({ artifactType }) => artifactType ?? "").toSorted();
}

export async function tagsOf(host: string, repository: string): Promise<readonly string[]> {
  const answer = await fetch(`http://${host}/v2/${repository}/tags/list`);
  return ((await answer.json()) as { readonly tags: readonly string[] }).tags;
}

/** Pushes the small image of that tag as we do ourselves, and gives its digest. */
export async function seedImage(host: string, repository: string, tag: string): Promise<string> {
  await using store = await openRemote({ host, repository });
  return (await pushImage(store, image(tag), [tag])).digest;
}

/** Asks again until it holds, within ten seconds: for what follows a write a little later. */
export async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
