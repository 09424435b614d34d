import { open } from "node:fs/promises";
import { join } from "node:path";
import { diskError, errnoOf } from "../disk/error.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import type { Credential, CredentialSource, CredentialTarget } from "./credential.ts";
import { askHelper, type HelperOptions } from "./credential-helper.ts";
import { type DockerConfig, parseDockerConfig, selectEntry } from "./docker-config.ts";

export interface StoredCredentialsOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory. */
  readonly home?: string;
  /** Read this file and no other. */
  readonly file?: string;
  /** Milliseconds that a credential helper may take. */
  readonly helperTimeout?: number;
}

/** The name that Docker and its helpers keep a registry under. */
export function serverOf(host: string): string {
  return host === "docker.io" ? "https://index.docker.io/v1/" : host;
}

/**
 * Finds credentials where `berth login`, `docker login`, `podman login` and `oras login` put them. Files are
 * read once, with the first question, in this order: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json,
 * $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json.
 * The first that knows the host wins.
 * @throws OciError FILE_INVALID for a file that is there but cannot be read, UNAUTHORIZED from a helper
 */
export function storedCredentials(options: StoredCredentialsOptions): CredentialSource {
  let loaded: Promise<readonly DockerConfig[]> | undefined;
  return async (target, call = {}) => {
    loaded ??= Promise.all(credentialFiles(options).map((path) => loadConfig(path, path === options.file))).then(
      (configs) => configs.filter((config) => config !== undefined),
    );
    for (const config of await loaded) {
      const found = await findCredential(config, target, options, call.signal);
      if (found) return found;
    }
    return undefined;
  };
}

/** The files that are read, in this order; the first that knows a host wins. */
export function credentialFiles({ env, home, file }: StoredCredentialsOptions): string[] {
  if (file !== undefined) return [file];
  const { REGISTRY_AUTH_FILE, DOCKER_CONFIG, XDG_RUNTIME_DIR, XDG_CONFIG_HOME } = env;
  const configHome = XDG_CONFIG_HOME || (home ? join(home, ".config") : undefined);
  const docker = DOCKER_CONFIG || (home ? join(home, ".docker") : undefined);
  return [
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(DOCKER_CONFIG ? [join(DOCKER_CONFIG, "config.json")] : []),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, "containers", "auth.json")] : []),
    ...(configHome ? [join(configHome, "containers", "auth.json")] : []),
    ...(docker && !DOCKER_CONFIG ? [join(docker, "config.json")] : []),
  ];
}

/**
 * Reads a credentials file; undefined where it is empty, or absent and not required.
 * @throws OciError FILE_INVALID, LIMIT_EXCEEDED
 */
export async function loadConfig(path: string, required: boolean): Promise<DockerConfig | undefined> {
  const bytes = await readConfig(path);
  if (bytes === undefined && required) {
    throw new OciError("FILE_INVALID", `Cannot read the credentials file ${JSON.stringify(path)}: it does not exist`);
  }
  return bytes === undefined || bytes.length === 0 ? undefined : parseDockerConfig(bytes, path);
}

/** The whole file; undefined: not there. @throws OciError FILE_INVALID, LIMIT_EXCEEDED */
export async function readConfig(path: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > Limits.credentials) {
      throw new OciError("LIMIT_EXCEEDED", `The credentials file ${path} is larger than ${Limits.credentials} bytes`);
    }
    return await file.readFile();
  } catch (error) {
    if (error instanceof OciError) throw error;
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new OciError("FILE_INVALID", diskError(error, "read the credentials file", path).message, { cause: error });
  }
}

/** What one file knows of a target, of its own or by its helper. @throws OciError UNAUTHORIZED from a helper */
export async function findCredential(
  config: DockerConfig,
  target: CredentialTarget,
  options: StoredCredentialsOptions,
  signal: AbortSignal | undefined,
): Promise<Credential | undefined> {
  const entry = selectEntry(config, target);
  if (entry?.credential) return entry.credential;
  const helper = entry?.helper ?? config.store;
  return helper === undefined
    ? undefined
    : await askHelper(helper, serverOf(target.host), helperOptions(options, signal));
}

/** How a helper is run. */
export function helperOptions(
  { env, helperTimeout }: StoredCredentialsOptions,
  signal: AbortSignal | undefined,
): HelperOptions {
  return {
    env,
    ...(helperTimeout === undefined ? {} : { timeout: helperTimeout }),
    ...(signal ? { signal } : {}),
  };
}
