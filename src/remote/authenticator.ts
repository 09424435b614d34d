import { parseChallenges } from "./challenge.ts";
import { basicHeader, type Credential, type CredentialSource } from "./credential.ts";
import type { OnRemoteEvent } from "./event.ts";
import { joinScopes, type Scope, scopeKey } from "./scope.ts";
import { parseRealm, requestToken, type Token } from "./token.ts";
import type { WireAnswer, WireRequest } from "./wire.ts";

export interface AuthenticatorOptions {
  readonly host: string;
  readonly origin: URL;
  readonly credentials?: CredentialSource;
  readonly send: (request: WireRequest) => Promise<WireAnswer>;
  readonly onEvent?: OnRemoteEvent;
}

/** Whom and for what a request speaks. */
export interface Claim {
  readonly repository?: string;
  readonly scopes: readonly Scope[];
  readonly signal?: AbortSignal;
}

interface Held {
  readonly token: Promise<Token>;
  /** performance.now() after which it is not used any more. */
  expires: number;
}

type Scheme =
  | { readonly type: "basic" }
  | { readonly type: "bearer"; readonly realm: URL; readonly service: string | undefined };

/** Tokens kept per host. */
const MAX_TOKENS = 1000;

/**
 * The memory of one host's authentication: which scheme it wants, found with the first
 * 401, and the tokens got so far. Several requests that need the same token share one exchange.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #tokens = new Map<string, Held>();
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  #scheme: Scheme | undefined;
  #challenged = false;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Whether the registry has asked for credentials by now. */
  get challenged(): boolean {
    return this.#challenged;
  }

  /** The Authorization header for a request to the registry's own origin, as far as is known by now. */
  async header(claim: Claim): Promise<string | undefined> {
    const credential = await this.#credential(claim);
    if (credential?.type === "bearer") return `Bearer ${credential.token}`;
    if (this.#scheme?.type === "bearer") {
      const token = await this.#token(claim.scopes, this.#scheme, claim);
      return `Bearer ${token.value}`;
    }
    if (this.#scheme?.type === "basic" && credential?.type === "basic") {
      return basicHeader(credential.username, credential.password);
    }
    return undefined;
  }

  /**
   * Learns from a 401. @returns the header for the second try, or undefined when nothing better is known
   * @throws OciError UNAUTHORIZED, DENIED, PROTOCOL, NETWORK from the token service
   */
  async answer(
    challengeHeader: string | undefined,
    claim: Claim,
    sent: string | undefined,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(challengeHeader ?? "");
    this.#challenged ||= challenges.length > 0;
    const credential = await this.#credential(claim);
    if (credential?.type === "bearer") return undefined;
    const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
    if (bearer) {
      const realm = parseRealm(bearer.parameters.get("realm"), this.#options.origin);
      const scheme: Scheme = { type: "bearer", realm, service: bearer.parameters.get("service") };
      this.#scheme = scheme;
      const key = this.#key(claim.scopes, claim);
      // Others may have met the same 401 and got a token since; only the one that was refused goes.
      const held = this.#tokens.get(key);
      if (held && sent === `Bearer ${(await held.token).value}`) this.#tokens.delete(key);
      const asked = joinScopes(claim.scopes, bearer.parameters.get("scope"));
      const token = await this.#token(asked, scheme, claim, key);
      return `Bearer ${token.value}`;
    }
    if (!challenges.some((challenge) => challenge.scheme === "basic")) return undefined;
    this.#scheme = { type: "basic" };
    if (credential?.type !== "basic") return undefined;
    const header = basicHeader(credential.username, credential.password);
    if (header !== sent) return header;
    // Refused: ask the source anew next time.
    this.#credentials.delete(claim.repository ?? "");
    return undefined;
  }

  async #credential(claim: Claim): Promise<Credential | undefined> {
    const { credentials, host } = this.#options;
    if (!credentials) return undefined;
    const key = claim.repository ?? "";
    let known = this.#credentials.get(key);
    if (!known) {
      const { repository } = claim;
      known = credentials({ host, ...(repository === undefined ? {} : { repository }) });
      if (this.#credentials.size >= MAX_TOKENS) this.#credentials.clear();
      this.#credentials.set(key, known);
      known.catch(() => this.#credentials.delete(key));
    }
    return await known;
  }

  #key(scopes: readonly Scope[], claim: Claim): string {
    return `${claim.repository ?? ""} ${scopeKey(scopes)}`;
  }

  async #token(
    scopes: readonly Scope[],
    scheme: Scheme & { type: "bearer" },
    claim: Claim,
    key: string = this.#key(scopes, claim),
  ): Promise<Token> {
    const held = this.#tokens.get(key);
    if (held && held.expires > performance.now()) return await untilAborted(held.token, claim.signal);
    const token = this.#exchange(scopes, scheme, claim);
    const fresh: Held = { token, expires: Number.POSITIVE_INFINITY };
    if (this.#tokens.size >= MAX_TOKENS) this.#tokens.clear();
    this.#tokens.set(key, fresh);
    token.then(
      ({ lifetime }) => {
        // A margin for the request's own way, a tenth of a short life.
        fresh.expires = performance.now() + (lifetime - Math.min(10, lifetime / 10)) * 1000;
      },
      () => {
        if (this.#tokens.get(key) === fresh) this.#tokens.delete(key);
      },
    );
    return await untilAborted(token, claim.signal);
  }

  async #exchange(scopes: readonly Scope[], scheme: Scheme & { type: "bearer" }, claim: Claim): Promise<Token> {
    this.#options.onEvent?.({ type: "token", realm: scheme.realm.host, scope: scopes.join(" ") });
    const credential = await this.#credential(claim);
    // Without the claim's signal: others may be waiting for the same token.
    return await requestToken({ realm: scheme.realm, service: scheme.service, scopes, credential }, this.#options.send);
  }
}

/** Stops waiting, not the work. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
