import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { createHosts } from "../../src/remote/hosts.ts";
import { openRemote, type RemoteOptions } from "../../src/remote/open-remote.ts";
import { serve } from "../../src/server/serve.ts";
import type { Registry } from "../../src/store/store.ts";
import { type Harness, storeContract } from "./store.ts";

/** Repositories of our own server over a registry, as the client sees them. */
async function remoteOver(
  registry: Registry,
  options: Partial<RemoteOptions>,
  cleanup: () => Promise<void>,
): Promise<Harness> {
  const server = await serve({ registry });
  const hosts = createHosts();
  let count = 0;
  return {
    open: async () => {
      count += 1;
      const { host } = new URL(server.url);
      return await openRemote({ host, repository: `contract/n${count}`, hosts, digestTagsKept: 0, ...options });
    },
    close: async () => {
      await hosts[Symbol.asyncDispose]();
      await server.close(0);
      await registry[Symbol.asyncDispose]();
      await cleanup();
    },
  };
}

storeContract("remote over a memory registry", () => remoteOver(createMemoryRegistry(), {}, async () => undefined));

storeContract("remote over a memory registry, in chunks", () =>
  remoteOver(createMemoryRegistry(), { chunkSize: 1_000_000 }, async () => undefined),
);

storeContract("remote over a folder of layouts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "berth-remote-"));
  const registry = await openLayoutFolder(folder);
  return await remoteOver(registry, {}, () => rm(folder, { recursive: true, force: true }));
});
