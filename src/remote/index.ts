/** Registries over the distribution API. */
export {
  type Credential,
  type CredentialSource,
  type CredentialTarget,
  firstCredentials,
  staticCredentials,
} from "./credential.ts";
export type { OnRemoteEvent, RemoteEvent } from "./event.ts";
export { createHosts, type Hosts, type HostSettings, type HostsOptions } from "./hosts.ts";
export { openRemote, openRemoteRegistry, type RemoteOptions, type RemoteRegistryOptions } from "./open-remote.ts";
export { canonicalHost } from "./origin.ts";
export { storedCredentials, type StoredCredentialsOptions } from "./stored-credentials.ts";
export type { TlsOptions } from "./agents.ts";
