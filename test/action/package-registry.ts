import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

interface Manifest {
  readonly name: string;
  readonly version: string;
}

/** What is installed here, as a registry of packages on loopback, so that npm installs without any network. */
export async function openPackageRegistry(berth: string): Promise<{ readonly url: string } & AsyncDisposable> {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly link?: boolean }>>;
  };
  const folders = Object.entries(packages)
    .filter(([path, { dev, link }]) => path.startsWith("node_modules/") && dev !== true && link !== true)
    .map(([path]) => join(root, path));
  const found = new Map<string, Map<string, { readonly manifest: Manifest; readonly pack: () => Buffer }>>();
  const add = (manifest: Manifest, pack: () => Buffer): void => {
    const versions = found.get(manifest.name) ?? new Map();
    found.set(manifest.name, versions.set(manifest.version, { manifest, pack }));
  };
  for (const folder of folders) {
    const manifest = manifestOf(folder);
    if (manifest) add(manifest, () => tarOf(folder));
  }
  const own = manifestOf(root);
  if (own) add(own, () => readFileSync(berth));

  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "").slice(1);
    const [, name = path, version] = /^(.*)\/-\/(.*)\.tgz$/.exec(path) ?? [];
    const versions = found.get(name);
    if (!versions) return void response.writeHead(404).end("{}");
    if (version !== undefined) return void response.end(versions.get(version)?.pack());
    const all = [...versions.values()].map(({ manifest }) => manifest);
    response.setHeader("content-type", "application/json").end(
      JSON.stringify({
        name,
        "dist-tags": { latest: all.at(-1)?.version },
        versions: Object.fromEntries(
          all.map((manifest) => [
            manifest.version,
            { ...manifest, dist: { tarball: `${urlOf(server.address())}${name}/-/${manifest.version}.tgz` } },
          ]),
        ),
      }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: urlOf(server.address()),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function urlOf(address: ReturnType<ReturnType<typeof createServer>["address"]>): string {
  return `http://127.0.0.1:${(address as AddressInfo).port}/`;
}

/** Undefined for what another system would have. */
function manifestOf(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}

function tarOf(folder: string): Buffer {
  const args = ["-czf", "-", "--exclude", "./node_modules", "--transform", "s,^\\.,package,", "-C", folder, "."];
  return execFileSync("tar", args, { maxBuffer: 256 * 1024 ** 2 });
}
