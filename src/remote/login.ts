import { OciError } from "../error/oci-error.ts";
import type { JsonObject } from "../spec/json.ts";
import { parseRepositoryName } from "../spec/name.ts";
import type { Signal } from "../store/content.ts";
import type { Credential, CredentialTarget } from "./credential.ts";
import { askHelper, eraseFromHelper, storeWithHelper } from "./credential-helper.ts";
import { type DockerConfig, parseKey, selectEntry } from "./docker-config.ts";
import { hasLogin, keyOf, withLogin, withoutLogin } from "./docker-config-edit.ts";
import { changeDockerConfig } from "./docker-config-file.ts";
import { parseEndpoint } from "./origin.ts";
import {
  credentialFiles,
  findCredential,
  helperOptions,
  loadConfig,
  serverOf,
  type StoredCredentialsOptions,
} from "./stored-credentials.ts";

/** Where a login is kept. */
export interface LoginPlace {
  readonly file: string;
  /** The program that keeps it; absent: it lies in the file itself, not encrypted. */
  readonly helper?: string;
}

export interface LoginOptions extends StoredCredentialsOptions {
  /** Of a file that is made, where none is there yet. */
  readonly newFile: string | undefined;
}

/**
 * Reads what a login is for: `ghcr.io`, `127.0.0.1:5000`, `quay.io/team`.
 * @throws OciError LOCATOR_INVALID, NAME_INVALID
 */
export function parseLoginTarget(text: string): CredentialTarget {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) {
    const bare = text.slice(scheme.length).split("/", 1)[0] ?? "";
    throw new OciError("LOCATOR_INVALID", "A registry is written without a scheme", {
      hint: `Write ${bare === "index.docker.io" ? "docker.io" : bare.replace(/^.*@/s, "")}`,
    });
  }
  const slash = text.indexOf("/");
  const { host } = parseEndpoint(slash === -1 ? text : text.slice(0, slash));
  if (slash === -1) return { host };
  const path = text.slice(slash + 1);
  if (/[:@]/.test(path)) {
    throw new OciError("LOCATOR_INVALID", "A login is for a registry or a part of it, not for a tag or digest", {
      hint: `Write ${host}, or ${host}/${path.replace(/[:@].*$/s, "")}`,
    });
  }
  const target = { host, repository: parseRepositoryName(path) };
  if (parseKey(keyOf(target)).path === path) return target;
  throw new OciError("NAME_INVALID", `A login for ${host}/${path} alone cannot be told from one for all of ${host}`);
}

/**
 * Finds where a login belongs: the first file that knows the target by now, which would hide one behind it, else
 * the file for new ones.
 * @throws OciError FILE_INVALID, USAGE where there is no file for it, UNSUPPORTED where its helper cannot keep it, UNAUTHORIZED from a helper
 */
export async function findLoginPlace(
  target: CredentialTarget,
  type: Credential["type"],
  options: LoginOptions,
  { signal }: Signal = {},
): Promise<LoginPlace> {
  const files = credentialFiles(options);
  const configs = await Promise.all(files.map(async (file) => ({ file, config: await loadConfig(file, false) })));
  let file = options.newFile;
  for (const known of configs) {
    if (!known.config || (files.length > 1 && !(await knows(known.config, target, options, signal)))) continue;
    ({ file } = known);
    break;
  }
  if (file === undefined) {
    throw new OciError("USAGE", "There is no home directory to keep a login in", { hint: "Give --docker-config FILE" });
  }
  const helper = helperFor(configs.find((known) => known.file === file)?.config, target);
  if (helper === undefined) return { file };
  if (target.repository === undefined && type === "basic") return { file, helper };
  const what = type === "basic" ? `part of ${target.host}` : "token";
  throw new OciError("UNSUPPORTED", `docker-credential-${helper} of ${file} keeps no login for a ${what}`, {
    hint: "Name another file with --docker-config FILE",
  });
}

async function knows(
  config: DockerConfig,
  target: CredentialTarget,
  options: LoginOptions,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return (
    selectEntry(config, target) !== undefined || (await findCredential(config, target, options, signal)) !== undefined
  );
}

function helperFor(config: DockerConfig | undefined, target: CredentialTarget): string | undefined {
  if (!config) return undefined;
  // An entry with credentials in the file gives way to the helper that new ones belong to.
  const helpers = config.entries.filter(({ helper }) => helper !== undefined);
  return selectEntry({ entries: helpers }, target)?.helper ?? config.store;
}

/**
 * Stores a login at its place, instead of what was there.
 * @throws OciError UNAUTHORIZED from a helper, and what {@link changeDockerConfig} throws
 */
export async function storeLogin(
  place: LoginPlace,
  target: CredentialTarget,
  credential: Credential,
  options: LoginOptions,
  call: Signal = {},
): Promise<void> {
  if (place.helper === undefined) {
    await changeDockerConfig(place.file, (document) => withLogin(document, target, credential), call);
    return;
  }
  if (credential.type !== "basic") throw new OciError("UNSUPPORTED", "A credential helper keeps passwords only");
  await storeWithHelper(place.helper, serverOf(target.host), credential, helperOptions(options, call.signal));
  // Else the old one in the file would be read before the helper is asked.
  await changeDockerConfig(
    place.file,
    (document) => (hasLogin(document, target) ? withoutLogin(document, target) : undefined),
    call,
  );
}

/**
 * Finds every place that has a login for this very target.
 * @throws OciError FILE_INVALID, UNAUTHORIZED from a helper
 */
export async function findLogins(
  target: CredentialTarget,
  options: StoredCredentialsOptions,
  { signal }: Signal = {},
): Promise<readonly LoginPlace[]> {
  const places: LoginPlace[] = [];
  for (const file of credentialFiles(options)) {
    const config = await loadConfig(file, file === options.file);
    if (!config) continue;
    const own = (path: string): boolean => path === (target.repository ?? "");
    if (config.entries.some(({ host, path, credential }) => credential && host === target.host && own(path))) {
      places.push({ file });
    }
    const helper = target.repository === undefined ? helperFor(config, target) : undefined;
    if (helper === undefined) continue;
    const kept = await askHelper(helper, serverOf(target.host), helperOptions(options, signal));
    if (kept) places.push({ file, helper });
  }
  return places;
}

/**
 * Erases a login at one place.
 * @throws OciError UNAUTHORIZED from a helper, and what {@link changeDockerConfig} throws
 */
export async function eraseLogin(
  place: LoginPlace,
  target: CredentialTarget,
  options: StoredCredentialsOptions,
  call: Signal = {},
): Promise<void> {
  if (place.helper !== undefined) {
    await eraseFromHelper(place.helper, serverOf(target.host), helperOptions(options, call.signal));
  }
  await changeDockerConfig(place.file, (document: JsonObject) => withoutLogin(document, target), call);
}
