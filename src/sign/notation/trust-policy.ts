import { OciError } from "../../error/oci-error.ts";
import { isJsonObject, type JsonObject, type JsonValue, parseJson, shownJson } from "../../spec/json.ts";
import { type DistinguishedName, includesName, parseIdentityName } from "./distinguished-name.ts";
import type { TrustStoreType } from "./trust-store.ts";

/** What is checked of a signature (trust-store-trust-policy.md, "Signature Verification details"). */
export type Validation = "integrity" | "authenticity" | "authenticTimestamp" | "expiry" | "revocation";
/** What a failed check comes to. */
export type Enforcement = "enforce" | "log" | "skip";
export type TrustLevel = "strict" | "permissive" | "audit" | "skip";

/** One statement of a trust policy: what it takes for images of some repositories. */
export interface TrustStatement {
  readonly name: string;
  /** Repositories with their host, or one `*`. */
  readonly scopes: readonly string[];
  readonly level: TrustLevel;
  readonly enforcement: Readonly<Record<Validation, Enforcement>>;
  readonly verifyTimestamp: "always" | "afterCertExpiry";
  readonly stores: readonly { readonly type: TrustStoreType; readonly name: string }[];
  /** "any": whoever has a certificate by one of the stores. */
  readonly identities: "any" | readonly DistinguishedName[];
}

export type TrustPolicy = readonly TrustStatement[];

const LEVELS: Readonly<Record<TrustLevel, TrustStatement["enforcement"]>> = {
  strict: levels("enforce", "enforce", "enforce", "enforce", "enforce"),
  permissive: levels("enforce", "enforce", "log", "log", "log"),
  audit: levels("enforce", "log", "log", "log", "log"),
  skip: levels("skip", "skip", "skip", "skip", "skip"),
};
const OVERRIDES: Readonly<Record<string, readonly Enforcement[]>> = {
  authenticity: ["enforce", "log"],
  authenticTimestamp: ["enforce", "log"],
  expiry: ["enforce", "log"],
  revocation: ["enforce", "log", "skip"],
};
const STORE = /^(ca|signingAuthority|tsa):([A-Za-z0-9_.-]{1,255})$/;
const SCOPE = /^[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)+$/;
const SUBJECT = "x509.subject:";
const WHAT = "trust policy";

function levels(
  ...[integrity, authenticity, authenticTimestamp, expiry, revocation]: readonly [
    Enforcement,
    Enforcement,
    Enforcement,
    Enforcement,
    Enforcement,
  ]
): TrustStatement["enforcement"] {
  return { integrity, authenticity, authenticTimestamp, expiry, revocation };
}

function invalid(problem: string): OciError {
  return new OciError("FILE_INVALID", `Invalid ${WHAT}: ${problem}`, {
    hint: "It has to be a trust policy of notation, version 1.0",
  });
}

/**
 * Reads a trust policy file of notation, for images and other artifacts. What it says is taken whole or not at all.
 * @throws OciError FILE_INVALID
 */
export function parseTrustPolicy(bytes: Uint8Array): TrustPolicy {
  const document = parseJson(bytes, WHAT, "FILE_INVALID");
  if (!isJsonObject(document)) throw invalid("expected a JSON object");
  if (document["version"] !== "1.0") throw invalid(`its version is ${shownJson(document["version"])}, expected "1.0"`);
  const listed = document["trustPolicies"];
  if (!Array.isArray(listed) || listed.length === 0) throw invalid("trustPolicies must be a list and not empty");
  const statements = (listed as readonly JsonValue[]).map(parseStatement);
  refuseTwice(
    statements.map(({ name }) => name),
    "the name",
  );
  refuseTwice(
    statements.flatMap(({ scopes }) => scopes),
    "the scope",
  );
  return statements;
}

function refuseTwice(values: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) throw invalid(`${what} ${shownJson(value)} stands in it twice`);
    seen.add(value);
  }
}

function parseStatement(value: JsonValue, at: number): TrustStatement {
  if (!isJsonObject(value)) throw invalid(`trustPolicies[${at}] must be an object`);
  const { name } = value;
  if (typeof name !== "string" || name === "") throw invalid(`trustPolicies[${at}] has no name`);
  const where = `the policy ${shownJson(name)}`;
  const scopes = texts(value["registryScopes"], `registryScopes of ${where}`);
  if (scopes.length === 0) throw invalid(`${where} has no registryScopes`);
  for (const scope of scopes) {
    if (scope === "*" ? scopes.length > 1 : !SCOPE.test(scope)) {
      throw invalid(`${where} has the scope ${shownJson(scope)}; expected host/repository, or * alone`);
    }
  }
  const verification = value["signatureVerification"];
  if (!isJsonObject(verification)) throw invalid(`${where} has no signatureVerification`);
  const stores = texts(value["trustStores"] ?? [], `trustStores of ${where}`);
  const identities = texts(value["trustedIdentities"] ?? [], `trustedIdentities of ${where}`);
  const levels = parseVerification(verification, where);
  if (levels.level === "skip") {
    if (scopes.includes("*")) throw invalid(`${where} skips everything, which it cannot do for *`);
    if (stores.length + identities.length > 0) throw invalid(`${where} skips everything, and still trusts somebody`);
    return { name, scopes, ...levels, stores: [], identities: [] };
  }
  if (stores.length === 0 || identities.length === 0) {
    throw invalid(`${where} has to have trustStores and trustedIdentities`);
  }
  return {
    name,
    scopes,
    ...levels,
    stores: stores.map((text) => parseStore(text, where)),
    identities: parseIdentities(identities, where),
  };
}

function texts(value: JsonValue | undefined, what: string): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  throw invalid(`${what} must be a list of texts`);
}

function parseVerification(
  verification: JsonObject,
  where: string,
): Pick<TrustStatement, "level" | "enforcement" | "verifyTimestamp"> {
  const { level, override = {}, verifyTimestamp = "always", ...rest } = verification;
  // A word that is spelt wrong here would quietly leave something unchecked.
  const [foreign] = Object.keys(rest);
  if (foreign !== undefined) throw invalid(`${where} has an unknown ${shownJson(foreign)} in signatureVerification`);
  if (typeof level !== "string" || !Object.hasOwn(LEVELS, level)) {
    throw invalid(`${where} has the level ${shownJson(level)}; expected ${Object.keys(LEVELS).join(", ")}`);
  }
  if (verifyTimestamp !== "always" && verifyTimestamp !== "afterCertExpiry") {
    throw invalid(`${where} has verifyTimestamp ${shownJson(verifyTimestamp)}; expected always or afterCertExpiry`);
  }
  if (!isJsonObject(override)) throw invalid(`${where} has an override that is no object`);
  const known = level as TrustLevel;
  const enforcement: Record<Validation, Enforcement> = { ...LEVELS[known] };
  for (const [key, value] of Object.entries(override)) {
    const allowed = Object.hasOwn(OVERRIDES, key) ? OVERRIDES[key] : undefined;
    const chosen = allowed?.find((each) => each === value);
    if (chosen === undefined || known === "skip") {
      throw invalid(`${where} cannot override ${shownJson(key)} with ${shownJson(value)}`);
    }
    enforcement[key as Validation] = chosen;
  }
  return { level: known, enforcement, verifyTimestamp };
}

function parseStore(text: string, where: string): TrustStatement["stores"][number] {
  const [, type, name = ""] = STORE.exec(text) ?? [];
  if (type === undefined || /^\.+$/.test(name)) {
    throw invalid(
      `${where} has the trust store ${shownJson(text)}; expected ca:NAME, signingAuthority:NAME or tsa:NAME`,
    );
  }
  return { type: type as TrustStoreType, name };
}

function parseIdentities(identities: readonly string[], where: string): TrustStatement["identities"] {
  if (identities.includes("*")) {
    if (identities.length === 1) return "any";
    throw invalid(`${where} has * among other identities`);
  }
  const names = identities.flatMap((identity) => {
    if (identity.startsWith(SUBJECT)) return [parseIdentityName(identity.slice(SUBJECT.length))];
    // Another kind is for whoever knows it: here it is nobody.
    if (/^[^:\s]+:./.test(identity)) return [];
    throw invalid(`${where} has the identity ${shownJson(identity)}; expected ${SUBJECT} with a name`);
  });
  for (const [at, one] of names.entries()) {
    if (names.some((other, index) => index !== at && includesName(other, one))) {
      throw invalid(`${where} has identities that include each other`);
    }
  }
  return names;
}

/**
 * The one statement that is for a repository: that which names it, else the one for `*`.
 * @param repository with its host; undefined where there is none, as in a layout: then only `*` is for it
 */
export function selectStatement(policy: TrustPolicy, repository: string | undefined): TrustStatement | undefined {
  const exact = policy.find(({ scopes }) => repository !== undefined && scopes.includes(repository));
  return exact ?? policy.find(({ scopes }) => scopes.includes("*"));
}
