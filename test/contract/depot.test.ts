import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDepot } from "../../src/depot/open-depot.ts";
import { createHosts } from "../../src/remote/hosts.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { serve } from "../../src/server/serve.ts";
import { storeContract } from "./store.ts";

storeContract("a repository of a depot", async () => {
  const root = await mkdtemp(join(tmpdir(), "berth-depot-"));
  const depot = await openDepot(root);
  let count = 0;
  return {
    open: () => depot.repository(`contract/n${(count += 1)}`),
    close: async () => {
      await depot[Symbol.asyncDispose]();
      await rm(root, { recursive: true });
    },
  };
});

storeContract("remote over a depot", async () => {
  const root = await mkdtemp(join(tmpdir(), "berth-depot-"));
  const depot = await openDepot(root);
  const server = await serve({ registry: depot });
  const hosts = createHosts();
  const { host } = new URL(server.url);
  let count = 0;
  return {
    open: () => openRemote({ host, repository: `contract/n${(count += 1)}`, hosts, digestTagsKept: 0 }),
    close: async () => {
      await hosts[Symbol.asyncDispose]();
      await server.close(0);
      await depot[Symbol.asyncDispose]();
      await rm(root, { recursive: true });
    },
  };
});
