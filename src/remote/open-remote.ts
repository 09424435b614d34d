import { parseRepositoryName } from "../spec/name.ts";
import type { Registry, Store } from "../store/store.ts";
import { createHosts, type Hosts, type HostSettings } from "./hosts.ts";
import { RemoteRegistry } from "./remote-registry.ts";
import { RemoteStore } from "./remote-store.ts";

export interface RemoteRegistryOptions extends HostSettings {
  /** Shares connections, tokens and limits with other stores; without it the store has, and closes, its own. */
  readonly hosts?: Hosts;
  /** Bytes of one PATCH; without it a blob goes in one PUT. */
  readonly chunkSize?: number;
  /** Milliseconds that a repository's listing of digest tags is kept; 10,000 by default. */
  readonly digestTagsKept?: number;
}

export interface RemoteOptions extends RemoteRegistryOptions {
  readonly repository: string;
}

const DIGEST_TAGS_KEPT = 10_000;

/**
 * Opens one repository of a registry; nothing is sent before the first call.
 * @throws OciError LOCATOR_INVALID, NAME_INVALID
 */
export async function openRemote(options: RemoteOptions): Promise<Store> {
  const repository = parseRepositoryName(options.repository);
  const hosts = options.hosts ?? createHosts();
  return new RemoteStore(hosts.host(options), repository, {
    digestTagsKept: options.digestTagsKept ?? DIGEST_TAGS_KEPT,
    ...(options.chunkSize === undefined ? {} : { chunkSize: options.chunkSize }),
    ...(options.hosts ? {} : { dispose: async () => await hosts[Symbol.asyncDispose]() }),
  });
}

/**
 * Opens a registry host as a registry of many repositories; nothing is sent before the first call.
 * @throws OciError LOCATOR_INVALID
 */
export async function openRemoteRegistry(options: RemoteRegistryOptions): Promise<Registry> {
  const hosts = options.hosts ?? createHosts();
  return new RemoteRegistry(hosts.host(options), {
    digestTagsKept: options.digestTagsKept ?? DIGEST_TAGS_KEPT,
    ...(options.chunkSize === undefined ? {} : { chunkSize: options.chunkSize }),
    ...(options.hosts ? {} : { dispose: async () => await hosts[Symbol.asyncDispose]() }),
  });
}
