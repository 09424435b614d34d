import { isOciError, OciError } from "../error/oci-error.ts";
import { isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import type { Credential, CredentialTarget } from "./credential.ts";
import { canonicalHost } from "./origin.ts";
import { withoutEndSlashes } from "../spec/slashes.ts";

/** What a credentials file says about one registry or a part of it. */
export interface ConfigEntry {
  readonly host: string;
  /** Path under the host that it is limited to; "" for all of it. */
  readonly path: string;
  readonly credential?: Credential;
  /** Name of a credential helper to ask instead. */
  readonly helper?: string;
}

export interface DockerConfig {
  readonly entries: readonly ConfigEntry[];
  /** The helper for every host that has no entry. */
  readonly store?: string;
}

/**
 * Reads Docker's config.json or the auth.json of the containers tools: `auths`, `credHelpers`,
 * `credsStore`; anything else is not ours.
 * @param file for messages
 * @throws OciError FILE_INVALID
 */
export function parseDockerConfig(bytes: Uint8Array, file: string): DockerConfig {
  const document = parseDocument(bytes, file);
  const helpers = Object.entries(objectAt(document, "credHelpers")).flatMap(([key, helper]): ConfigEntry[] =>
    typeof helper === "string" && helper !== "" ? [{ ...parseKey(key), helper }] : [],
  );
  const auths = Object.entries(objectAt(document, "auths")).flatMap(([key, value]): ConfigEntry[] => {
    const credential = isJsonObject(value) ? readCredential(value) : undefined;
    return credential ? [{ ...parseKey(key), credential }] : [];
  });
  const store = document["credsStore"];
  return {
    // Helpers first: of two entries for the same path they are the ones a login keeps up to date.
    entries: [...helpers, ...auths],
    ...(typeof store === "string" && store !== "" ? { store } : {}),
  };
}

/**
 * Parses a credentials file as a whole, for those who change it.
 * @throws OciError FILE_INVALID, which never shows a part of the file
 */
export function parseDocument(bytes: Uint8Array, file: string): JsonObject {
  const document = withoutContent(() => parseJson(bytes, `credentials file ${file}`, "FILE_INVALID"), file);
  if (isJsonObject(document)) return document;
  throw new OciError("FILE_INVALID", `Invalid credentials file ${file}: expected an object`);
}

/** The words of JSON.parse quote what stands around the mistake, which may be a secret. */
function withoutContent<T>(parse: () => T, file: string): T {
  try {
    return parse();
  } catch (error) {
    if (!isOciError(error) || !(error.cause instanceof SyntaxError)) throw error;
    const place = /line \d+ column \d+/.exec(error.cause.message)?.[0];
    throw new OciError("FILE_INVALID", `Invalid credentials file ${file}: not JSON${place ? ` at ${place}` : ""}`);
  }
}

/**
 * The entry for a target: the host must be the very same, the path whole components of the
 * repository's; the longest path wins. Never a part of a host name (CVE-2026-59891).
 */
export function selectEntry(config: DockerConfig, target: CredentialTarget): ConfigEntry | undefined {
  let best: ConfigEntry | undefined;
  for (const entry of config.entries) {
    if (entry.host !== target.host || !covers(entry.path, target.repository)) continue;
    if (!best || entry.path.length > best.path.length) best = entry;
  }
  return best;
}

function covers(path: string, repository: string | undefined): boolean {
  return path === "" || repository === path || (repository?.startsWith(`${path}/`) ?? false);
}

/** `https://index.docker.io/v1/`, `ghcr.io`, `quay.io/team/app` as host and path. */
export function parseKey(key: string): { readonly host: string; readonly path: string } {
  const scheme = /^https?:\/\//i.exec(key)?.[0] ?? "";
  const [host = "", ...rest] = key.slice(scheme.length).split("/");
  const path = withoutEndSlashes(rest.join("/"));
  // A key with a scheme is a whole registry, whatever API path Docker wrote behind it.
  const whole = scheme !== "" || /^v[12]$/.test(path);
  return { host: canonicalHost(host), path: whole ? "" : path };
}

function objectAt(document: JsonObject, key: string): JsonObject {
  const value = document[key];
  return isJsonObject(value) ? value : {};
}

/** The credentials of one value of `auths`. */
export function readCredential(value: JsonObject): Credential | undefined {
  const { identitytoken, registrytoken } = value;
  const basic = decodeAuth(value["auth"]) ?? plain(value);
  if (typeof registrytoken === "string" && registrytoken !== "") return { type: "bearer", token: registrytoken };
  if (typeof identitytoken === "string" && identitytoken !== "") {
    return { type: "identity", token: identitytoken, ...(basic?.username ? { username: basic.username } : {}) };
  }
  return basic && { type: "basic", ...basic };
}

function plain(value: JsonObject): { username: string; password: string } | undefined {
  const { username, password } = value;
  return typeof username === "string" && typeof password === "string" && username !== ""
    ? { username, password }
    : undefined;
}

function decodeAuth(auth: unknown): { username: string; password: string } | undefined {
  if (typeof auth !== "string" || auth === "") return undefined;
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon <= 0) return undefined;
  // Old versions of Docker padded with NUL.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}
