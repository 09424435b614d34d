import type { Registry } from "../store/store.ts";
import type { OpenOptions } from "./open-options.ts";

/**
 * Opens a registry host as a registry of many repositories; nothing is sent before the first call.
 * @param host `host[:port]`
 * @throws OciError LOCATOR_INVALID
 */
export async function openHost(host: string, options: Omit<OpenOptions, "mode">): Promise<Registry> {
  const [{ openRemoteRegistry }, { Connections }, { remoteSettings }] = await Promise.all([
    import("../remote/open-remote.ts"),
    import("./connections.ts"),
    import("./remote-settings.ts"),
  ]);
  const connections = options.connections ?? new Connections();
  const settings = await remoteSettings(host, { ...options, mode: "read" }, connections);
  const registry = await openRemoteRegistry({ ...settings, hosts: connections.acquire(options.env) });
  let open = true;
  return {
    repository: (name) => registry.repository(name),
    has: (name) => registry.has(name),
    repositories: (page) => registry.repositories(page),
    async [Symbol.asyncDispose]() {
      if (!open) return;
      open = false;
      await registry[Symbol.asyncDispose]();
      await connections.release();
    },
  };
}
