import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import { isJsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { statusError } from "./answer-error.ts";
import { basicHeader, type Credential } from "./credential.ts";
import { isLoopback } from "./origin.ts";
import type { Scope } from "./scope.ts";
import type { WireAnswer, WireRequest } from "./wire.ts";

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly Scope[];
  readonly credential: Credential | undefined;
}

export interface Token {
  readonly value: string;
  /** Seconds from when it was received. */
  readonly lifetime: number;
}

type Send = (request: WireRequest) => Promise<WireAnswer>;

const CLIENT = "berth";
/** What the Docker token specification says where `expires_in` is absent. */
const DEFAULT_LIFETIME = 60;

/**
 * Decides whether a challenge's realm may be asked, with credentials: over https on any
 * host, as Docker Hub has it; over plain http only for a registry that is itself spoken
 * to in plain http, and only on the registry's own hostname or from loopback to loopback.
 * @throws OciError PROTOCOL
 */
export function parseRealm(realm: string | undefined, registry: URL): URL {
  if (realm === undefined || !URL.canParse(realm)) {
    throw new OciError("PROTOCOL", `${registry.host} asks for a token but names no valid realm`);
  }
  const url = new URL(realm);
  if (url.username !== "" || url.password !== "" || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new OciError("PROTOCOL", `${registry.host} names a realm that is not a plain https URL`);
  }
  if (url.protocol === "http:") {
    const near =
      registry.protocol === "http:" &&
      (url.hostname === registry.hostname || (isLoopback(url.hostname) && isLoopback(registry.hostname)));
    if (!near) {
      throw new OciError("PROTOCOL", `Refused the token service at ${url.host}: it has no TLS`, {
        hint: "Credentials go to a token service over https only",
      });
    }
  }
  return url;
}

/**
 * Gets a bearer token: by OAuth2 POST with a refresh token, else by GET (Docker token
 * specification), which is also tried where the POST is not known.
 * @throws OciError UNAUTHORIZED, DENIED, PROTOCOL, NETWORK
 */
export async function requestToken(request: TokenRequest, send: Send): Promise<Token> {
  if (request.credential?.type === "identity") {
    const answer = await send(postRequest(request, request.credential.token));
    if (answer.status !== 404 && answer.status !== 405) return await readToken(answer, request);
    await answer.drain();
  }
  return await readToken(await send(getRequest(request)), request);
}

function postRequest(request: TokenRequest, refreshToken: string): WireRequest {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    service: request.service ?? request.realm.host,
    client_id: CLIENT,
    scope: request.scopes.join(" "),
    refresh_token: refreshToken,
  });
  return {
    method: "POST",
    url: request.realm,
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: Buffer.from(form.toString()),
  };
}

function getRequest(request: TokenRequest): WireRequest {
  const url = new URL(request.realm);
  if (request.service !== undefined) url.searchParams.set("service", request.service);
  for (const scope of request.scopes) url.searchParams.append("scope", scope);
  const headers: Record<string, string> = { accept: "application/json" };
  const { credential } = request;
  if (credential?.type === "basic") headers["authorization"] = basicHeader(credential.username, credential.password);
  if (credential?.type === "identity")
    headers["authorization"] = basicHeader(credential.username ?? "<token>", credential.token);
  return { method: "GET", url, headers };
}

async function readToken(answer: WireAnswer, request: TokenRequest): Promise<Token> {
  const what = `token of ${request.realm.host}`;
  if (answer.status !== 200) {
    throw await statusError(answer, { operation: "Getting a token", url: request.realm, missing: "UNAUTHORIZED" });
  }
  const document = parseJson(await collect(answer.bytes(), Limits.credentials, what), what, "PROTOCOL");
  const value = isJsonObject(document) ? (document["token"] ?? document["access_token"]) : undefined;
  // Visible ASCII only: it goes into a header.
  if (!isJsonObject(document) || typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
    throw new OciError("PROTOCOL", `The token service at ${request.realm.host} answered without a token`);
  }
  const seconds = document["expires_in"];
  const lifetime = typeof seconds === "number" && seconds > 0 ? seconds : DEFAULT_LIFETIME;
  return { value, lifetime };
}
