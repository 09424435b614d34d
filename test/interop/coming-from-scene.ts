import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { digestOf } from "../../src/bytes/hash.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { servedRegistry } from "../content/served.ts";
import { index, json, type Piece, piece, pushBlob, pushManifest, readAll } from "../support/content.ts";
import { parseLine } from "./coming-from-table.ts";

/** A registry, a layout and some files, the same each time. */
export interface Scene extends AsyncDisposable {
  readonly host: string;
  readonly folder: string;
  /** What the programs are told of their surroundings. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs a line of the page and gives what it printed. */
  run(line: string): Promise<string>;
}

async function layerOf(path: string, content: string): Promise<{ piece: Piece; diffId: string }> {
  const made = pack();
  made.entry({ name: path, mtime: new Date(0) }, content);
  made.finalize();
  const tar = await readAll(made as AsyncIterable<Uint8Array>);
  return { piece: piece(gzipSync(tar), MediaType.LayerGzip), diffId: digestOf(tar) };
}

interface Parts {
  readonly manifest: Piece;
  readonly blobs: readonly Piece[];
}

async function imageOf(architecture: string, annotations?: object): Promise<Parts> {
  const layer = await layerOf("etc/os-release", `ID=${architecture}\n`);
  const config = json(
    {
      architecture,
      os: "linux",
      created: "2026-01-02T03:04:05Z",
      config: { Env: ["PATH=/bin"], Cmd: ["sh"] },
      rootfs: { type: "layers", diff_ids: [layer.diffId] },
      history: [{ created: "2026-01-02T03:04:05Z", created_by: "COPY etc /etc" }],
    },
    MediaType.ImageConfig,
  );
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      config: config.descriptor,
      layers: [layer.piece.descriptor],
      ...(annotations ? { annotations } : {}),
    },
    MediaType.ImageManifest,
  );
  return { manifest, blobs: [config, layer.piece] };
}

async function push(store: Store, { manifest, blobs }: Parts, tags: readonly string[] = []): Promise<Piece> {
  for (const each of blobs) await pushBlob(store, each);
  await pushManifest(store, manifest, tags);
  return manifest;
}

function artifact(blob: Piece, extra: object): Parts {
  const empty = piece("{}", MediaType.Empty);
  const config = empty.descriptor;
  const layers = [blob.descriptor];
  const head = { schemaVersion: 2, mediaType: MediaType.ImageManifest };
  return { manifest: json({ ...head, config, layers, ...extra }, MediaType.ImageManifest), blobs: [empty, blob] };
}

const HELLO = "hello\n";
const SBOM = '{"spdxVersion":"SPDX-2.3"}';

async function seed(app: Store, bundle: Store, folder: string): Promise<void> {
  const [amd, arm] = [await imageOf("amd64"), await imageOf("arm64")];
  const children = [await push(app, amd), await push(app, arm)].map(({ descriptor }, at) => ({
    ...descriptor,
    platform: { architecture: at === 0 ? "amd64" : "arm64", os: "linux" },
  }));
  await pushManifest(app, index(children), ["v1"]);
  const v2 = await push(app, await imageOf("amd64", { status: "draft" }), ["v2"]);
  await push(app, await imageOf("riscv64"), ["riscv64"]);
  const sbom = piece(SBOM, "application/spdx+json");
  await push(app, artifact(sbom, { artifactType: "application/spdx+json", subject: v2.descriptor }));
  const hello = piece(HELLO, "text/plain");
  await pushBlob(app, hello);
  const titled = {
    ...hello,
    descriptor: { ...hello.descriptor, annotations: { "org.opencontainers.image.title": "hi.txt" } },
  };
  await push(bundle, artifact(titled, { artifactType: "application/vnd.example" }), ["v1"]);
  await using layout = await openLayout(join(folder, "images"), { create: true });
  await push(layout, await imageOf("amd64"), ["v1"]);
  await writeFile(join(folder, "hi.txt"), HELLO);
  await writeFile(join(folder, "sbom.spdx.json"), SBOM);
  await writeFile(join(folder, "password.txt"), "s3cret\n");
  const changed = await imageOf("amd64", { status: "changed" });
  await writeFile(join(folder, "manifest.json"), changed.manifest.bytes);
  // crane takes the variable for a program without arguments.
  await writeFile(join(folder, "edit.sh"), '#!/bin/sh\nexec sed -i s/draft/final/ "$1"\n', { mode: 0o755 });
  await writeFile(join(folder, "layer.tar.gz"), (await layerOf("etc/more", "more\n")).piece.bytes);
}

/** What makes each peer speak plain HTTP to the registry, and keep to the folder. */
async function surroundings(host: string, folder: string): Promise<NodeJS.ProcessEnv> {
  await mkdir(join(folder, "home/.config/containers"), { recursive: true });
  const home = join(folder, "home");
  const regctl = join(home, "regctl.json");
  const registries = join(home, ".config/containers/registries.conf");
  await writeFile(regctl, JSON.stringify({ hosts: { [host]: { tls: "disabled" } } }));
  await writeFile(registries, `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
  await writeFile(join(home, ".config/containers/policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  return {
    PATH: process.env["PATH"],
    HOME: home,
    XDG_RUNTIME_DIR: home,
    DOCKER_CONFIG: home,
    REGCTL_CONFIG: regctl,
  };
}

export async function openScene(): Promise<Scene> {
  await using owned = new AsyncDisposableStack();
  const folder = owned.use(await workFolder()).path;
  const served = owned.use(await servedRegistry());
  await seed(await served.registry.repository("app"), await served.registry.repository("bundle"), folder);
  const host = `localhost:${served.host.split(":")[1]}`;
  const env = await surroundings(host, folder);
  const kept = owned.move();
  return {
    host,
    folder,
    env,
    async run(line) {
      const parsed = parseLine(line.replaceAll("localhost:5000", host));
      const [program = "", ...args] = parsed.words;
      const input = parsed.input === undefined ? undefined : await readFile(join(folder, parsed.input));
      const said = { cwd: folder, env: { ...env, ...parsed.env } as Record<string, string> };
      const out =
        program === "berth"
          ? await berth(args, { ...said, ...(input === undefined ? {} : { input }) })
          : await peer(...onTerminal(program, args, parsed.env), said, input);
      return out.replaceAll(host, "localhost:5000").trimEnd();
    },
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

async function berth(args: readonly string[], options: Parameters<typeof inside>[1]): Promise<string> {
  const { code, out, err } = await inside(args, options);
  if (code !== 0) throw new Error(`berth ${args.join(" ")}: ${err}`);
  return out;
}

/** Without a terminal crane starts no editor. */
function onTerminal(program: string, args: readonly string[], env: object): [string, readonly string[]] {
  if (!("EDITOR" in env)) return [program, args];
  return ["script", ["-qec", [program, ...args].join(" "), "/dev/null"]];
}

async function peer(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Record<string, string> },
  input: Uint8Array | undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { ...options, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(" ")}: ${stderr}`, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input ?? "");
  });
}
