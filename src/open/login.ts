import { join, resolve } from "node:path";
import type { Credential, CredentialTarget } from "../remote/credential.ts";
import type { LoginOptions, LoginPlace } from "../remote/login.ts";
import { Connections, type Surroundings } from "./connections.ts";
import type { OpenOptions } from "./open-options.ts";
import { remoteSettings } from "./remote-settings.ts";

export type { CredentialTarget, LoginPlace };

/** Where logins of these surroundings are kept. */
export interface Logins {
  /** @throws OciError FILE_INVALID, USAGE, UNSUPPORTED, UNAUTHORIZED */
  place(target: CredentialTarget, type: Credential["type"]): Promise<LoginPlace>;
  store(place: LoginPlace, target: CredentialTarget, credential: Credential): Promise<void>;
  /** Every place that has one. */
  find(target: CredentialTarget): Promise<readonly LoginPlace[]>;
  erase(place: LoginPlace, target: CredentialTarget): Promise<void>;
}

/**
 * Reads what a login is for: a registry's host, or a part of it.
 * @throws OciError LOCATOR_INVALID, NAME_INVALID
 */
export async function readLoginTarget(text: string): Promise<CredentialTarget> {
  const { parseLoginTarget } = await import("../remote/login.ts");
  return parseLoginTarget(text);
}

/** The logins that berth reads, with the same rules. */
export async function openLogins(surroundings: Surroundings & { readonly signal: AbortSignal }): Promise<Logins> {
  const login = await import("../remote/login.ts");
  const { env, home, cwd, dockerConfig, signal } = surroundings;
  const file = dockerConfig === undefined ? undefined : resolve(cwd, dockerConfig);
  const folder = env["DOCKER_CONFIG"] || (home ? join(home, ".docker") : undefined);
  const options: LoginOptions = {
    env,
    newFile: file ?? (folder === undefined ? undefined : join(folder, "config.json")),
    ...(home === undefined ? {} : { home }),
    ...(file === undefined ? {} : { file }),
  };
  return {
    place: (target, type) => login.findLoginPlace(target, type, options, { signal }),
    store: (place, target, credential) => login.storeLogin(place, target, credential, options, { signal }),
    find: (target) => login.findLogins(target, options, { signal }),
    erase: (place, target) => login.eraseLogin(place, target, options, { signal }),
  };
}

/**
 * Asks a registry whether it takes credentials.
 * @returns whether it asked for any at all
 * @throws OciError UNAUTHORIZED, DENIED, NETWORK, PROTOCOL, FILE_INVALID for the certificates
 */
export async function checkCredentials(
  host: string,
  credential: Credential,
  options: Omit<OpenOptions, "mode" | "credentials"> & { readonly signal: AbortSignal },
): Promise<boolean> {
  const { checkLogin } = await import("../remote/login-check.ts");
  const connections = new Connections();
  const settings = await remoteSettings(host, { ...options, credentials: credential, mode: "read" }, connections);
  const hosts = connections.acquire(options.env);
  try {
    return await checkLogin(hosts.host(settings), credential, { signal: options.signal });
  } finally {
    await connections.release();
  }
}
