import { execFileSync } from "node:child_process";
import { openScene, type Scene } from "../artifact/scene.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import type { Store } from "../../src/store/store.ts";

/** One repository, as we open it and as the peers write it. */
export interface Place extends AsyncDisposable {
  readonly scene: Scene;
  open(): Promise<Store>;
  /** For oras: the flags and the reference. */
  oras(name: string): readonly string[];
  /** For regctl. */
  regctl(name: string): string;
}

/** Runs a peer in a directory and gives what it printed. */
export function run(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** A layout directory. */
export async function layoutPlace(): Promise<Place> {
  const scene = await openScene();
  const path = scene.path("layout");
  return {
    scene,
    open: () => openLayout(path, { create: true }),
    oras: (name) => ["--oci-layout", `${path}${name}`],
    regctl: (name) => `ocidir://${path}${name}`,
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
}

/** A repository of a registry that knows no referrers API, so the fallback tag is what is shared. */
export async function registryPlace(): Promise<Place> {
  const scene = await openScene();
  const registry = await startDockerRegistry();
  const repository = `${registry.host}/artifacts`;
  return {
    scene,
    open: () => openRemote({ host: registry.host, repository: "artifacts", digestTagsKept: 0 }),
    oras: (name) => ["--plain-http", `${repository}${name}`],
    regctl: (name) => `${repository}${name}`,
    async [Symbol.asyncDispose]() {
      await registry.close();
      await scene[Symbol.asyncDispose]();
    },
  };
}
