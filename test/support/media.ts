import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryRegistry, createMemoryStore } from "../../src/memory/memory.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { serve } from "../../src/server/serve.ts";
import type { Registry, Store } from "../../src/store/store.ts";
import { startDockerRegistry } from "./docker-registry.ts";

/** A place to make empty stores of one medium in. */
export interface Medium {
  /** Every call gives another, empty store. */
  open(): Promise<Store>;
  close(): Promise<void>;
}

let count = 0;

export async function memoryMedium(): Promise<Medium> {
  return { open: async () => createMemoryStore(), close: async () => undefined };
}

async function temporary(): Promise<{ readonly folder: string; readonly remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "berth-medium-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

export async function layoutMedium(): Promise<Medium> {
  const { folder, remove } = await temporary();
  return { open: () => openLayout(join(folder, `l${(count += 1)}`), { create: true }), close: remove };
}

/** Our client against our server over a registry. */
async function servedMedium(registry: Registry, remove: () => Promise<void>): Promise<Medium> {
  const server = await serve({ registry, host: "127.0.0.1", port: 0 });
  return {
    open: () => openRemote({ host: new URL(server.url).host, repository: `test/r${(count += 1)}` }),
    close: async () => {
      await server.close(0);
      await registry[Symbol.asyncDispose]();
      await remove();
    },
  };
}

export async function servedMemoryMedium(): Promise<Medium> {
  return servedMedium(createMemoryRegistry(), async () => undefined);
}

export async function servedLayoutsMedium(): Promise<Medium> {
  const { folder, remove } = await temporary();
  return servedMedium(await openLayoutFolder(folder), remove);
}

/** Debian's docker-registry: no referrers API, so everything hangs on fallback tags. */
export async function dockerRegistryMedium(): Promise<Medium> {
  const registry = await startDockerRegistry();
  return {
    open: () => openRemote({ host: registry.host, repository: `test/r${(count += 1)}` }),
    close: () => registry.close(),
  };
}
