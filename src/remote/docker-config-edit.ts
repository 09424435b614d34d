import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { OciError } from "../error/oci-error.ts";
import type { Credential, CredentialTarget } from "./credential.ts";
import { parseKey, readCredential } from "./docker-config.ts";
import { serverOf } from "./stored-credentials.ts";

/** Fields of an entry that are the login itself; others are somebody else's and stay. */
const LOGIN_FIELDS: ReadonlySet<string> = new Set(["auth", "username", "password", "identitytoken", "registrytoken"]);

/** The key that Docker, and so everybody else, looks for. */
export function keyOf({ host, repository }: CredentialTarget): string {
  return repository === undefined ? serverOf(host) : `${host}/${repository}`;
}

/**
 * The document with a login in its `auths`, and no other of the same target, however that is spelled there.
 * @throws OciError FILE_INVALID when `auths` is something else than an object
 */
export function withLogin(document: JsonObject, target: CredentialTarget, credential: Credential): JsonObject {
  const key = keyOf(target);
  const auths = authsOf(document);
  const others = Object.entries(auths).filter(([name]) => name === key || !isOf(name, target));
  const entry = { ...foreignFields(auths[key]), ...loginFields(credential) };
  return { ...document, auths: { ...Object.fromEntries(others), [key]: entry } };
}

/**
 * The document without the logins of a target in its `auths`.
 * @returns undefined where there is no entry to take out
 * @throws OciError FILE_INVALID when `auths` is something else than an object
 */
export function withoutLogin(document: JsonObject, target: CredentialTarget): JsonObject | undefined {
  const entries = Object.entries(authsOf(document));
  const left = entries.filter(([name]) => !isOf(name, target));
  return left.length === entries.length ? undefined : { ...document, auths: Object.fromEntries(left) };
}

/** Whether `auths` has credentials for this very target, and not only a mark that somebody logged in. */
export function hasLogin(document: JsonObject, target: CredentialTarget): boolean {
  return Object.entries(authsOf(document)).some(
    ([name, value]) => isOf(name, target) && isJsonObject(value) && readCredential(value) !== undefined,
  );
}

function isOf(key: string, { host, repository = "" }: CredentialTarget): boolean {
  const parsed = parseKey(key);
  return parsed.host === host && parsed.path === repository;
}

function authsOf(document: JsonObject): JsonObject {
  const auths = document["auths"] ?? {};
  if (isJsonObject(auths)) return auths;
  throw new OciError("FILE_INVALID", "Invalid credentials file: auths is not an object");
}

function foreignFields(entry: JsonValue | undefined): JsonObject {
  if (!isJsonObject(entry)) return {};
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !LOGIN_FIELDS.has(name)));
}

function loginFields(credential: Credential): JsonObject {
  switch (credential.type) {
    case "basic":
      return { auth: Buffer.from(`${credential.username}:${credential.password}`, "utf8").toString("base64") };
    case "identity":
      return { identitytoken: credential.token };
    case "bearer":
      return { registrytoken: credential.token };
  }
}
