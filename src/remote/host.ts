import type { Bytes } from "../bytes/bytes.ts";
import { isOciError } from "../error/oci-error.ts";
import { printable } from "./answer-error.ts";
import { Authenticator, type Claim } from "./authenticator.ts";
import type { CredentialSource } from "./credential.ts";
import type { OnRemoteEvent } from "./event.ts";
import { Limits } from "../spec/limits.ts";
import { Limiter } from "./limiter.ts";
import { ManifestCache } from "./manifest-cache.ts";
import { isPassing } from "./network-error.ts";
import type { Endpoint } from "./origin.ts";
import { Quirks } from "./quirks.ts";
import { followRedirects } from "./redirect.ts";
import { isRetryableStatus, parseRetryAfter, pause, pauseBefore, type RetryPolicy } from "./retry.ts";
import type { Scope } from "./scope.ts";
import type { TlsOptions } from "./agents.ts";
import { Transport } from "./transport.ts";
import { isRead, type WireAnswer, type WireRequest } from "./wire.ts";

export interface HostOptions {
  readonly endpoint: Endpoint;
  readonly credentials?: CredentialSource;
  readonly tls?: TlsOptions;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Sent to the registry's own origin only. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly userAgent: string;
  /** Requests at once, for reads and for writes each. */
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  /** Milliseconds. */
  readonly stall: number;
  readonly onEvent?: OnRemoteEvent;
}

/** One request to a registry. */
export interface ApiRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute, or a path with its query. */
  readonly url: URL | string;
  readonly repository?: string;
  readonly scopes: readonly Scope[];
  readonly headers?: Readonly<Record<string, string>>;
  /** A function is a stream that can be opened again, of the length that `content-length` says. */
  readonly body?: Uint8Array | (() => Bytes);
  /** False: one try only; the caller knows better how to go on. */
  readonly retry?: boolean;
  readonly signal?: AbortSignal;
}

/** A registry's answer; dispose it, read or not. */
export interface ApiAnswer extends WireAnswer, AsyncDisposable {
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

/** One registry host: its connections, limits, authentication and what was found out about it. */
export class Host {
  readonly endpoint: Endpoint;
  readonly origin: URL;
  readonly quirks: Quirks = new Quirks();
  /** Of all its repositories, so that it does not grow with their number. */
  readonly manifests: ManifestCache = new ManifestCache(Limits.manifestCache);
  readonly onEvent: OnRemoteEvent | undefined;
  readonly concurrency: number;
  readonly retryPolicy: RetryPolicy;
  readonly #options: HostOptions;
  readonly #transport: Transport;
  readonly #authenticator: Authenticator;
  /** Two lanes: a pushed body may be read from this same host, so a write must never wait for its own source. */
  readonly #reads: Limiter;
  readonly #writes: Limiter;

  constructor(options: HostOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.origin = new URL(options.endpoint.origin);
    this.onEvent = options.onEvent;
    this.concurrency = options.concurrency;
    this.retryPolicy = options.retry;
    this.#reads = new Limiter(options.concurrency);
    this.#writes = new Limiter(options.concurrency);
    this.#transport = new Transport({
      hostname: this.origin.hostname,
      stall: options.stall,
      ...(options.tls ? { tls: options.tls } : {}),
      ...(options.env ? { env: options.env } : {}),
    });
    this.#authenticator = new Authenticator({
      host: options.endpoint.host,
      origin: this.origin,
      send: async (request) => await this.#sendToken(request),
      ...(options.credentials ? { credentials: options.credentials } : {}),
      ...(options.onEvent ? { onEvent: options.onEvent } : {}),
    });
  }

  /**
   * Sends a request: limited, authenticated, redirected, and tried again where that is safe.
   * Any status may come back.
   * @throws OciError NETWORK, PROTOCOL, UNAUTHORIZED and DENIED from a token service; the signal's reason
   */
  async send(request: ApiRequest): Promise<ApiAnswer> {
    const what = `${request.method} ${this.origin.host}${this.#url(request).pathname}`;
    const once = async (): Promise<ApiAnswer> => await this.#limited(request);
    return request.retry === false ? await once() : await this.#retrying(once, what, request.signal);
  }

  /** Whether an answer so far was a challenge. */
  get asksForCredentials(): boolean {
    return this.#authenticator.challenged;
  }

  close(): void {
    this.#transport.close();
  }

  #url(request: ApiRequest): URL {
    return typeof request.url === "string" ? new URL(request.url, this.origin) : request.url;
  }

  async #retrying<A extends WireAnswer>(
    once: () => Promise<A>,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<A> {
    const policy = this.#options.retry;
    for (let attempt = 1; ; attempt += 1) {
      let reason: string;
      let asked: number | undefined;
      try {
        const answer = await once();
        if (!isRetryableStatus(answer.status) || attempt > policy.retries) return answer;
        reason = `status ${answer.status}`;
        asked = parseRetryAfter(answer.headers["retry-after"], Date.now());
        await answer.drain();
      } catch (error) {
        if (!isPassing(error) || attempt > policy.retries) throw error;
        reason = isOciError(error) ? error.message : "the connection failed";
      }
      const wait = pauseBefore(attempt, policy, asked);
      this.onEvent?.({ type: "retry", what, attempt, pause: Math.round(wait), reason });
      await pause(wait, signal);
    }
  }

  async #limited(request: ApiRequest): Promise<ApiAnswer> {
    const lane = isRead(request.method) ? this.#reads : this.#writes;
    const release = await lane.acquire(request.signal);
    try {
      return this.#held(await this.#authenticated(request), release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Keeps the place in the lane until the body is done with. */
  #held(answer: WireAnswer & { readonly url: URL }, release: () => void): ApiAnswer {
    const warning = answer.headers["warning"];
    if (warning !== undefined) this.#warn(warning);
    let done = false;
    const drain = async (): Promise<void> => {
      if (done) return;
      done = true;
      try {
        await answer.drain();
      } finally {
        release();
      }
    };
    return {
      status: answer.status,
      headers: answer.headers,
      url: answer.url,
      drain,
      [Symbol.asyncDispose]: drain,
      async *bytes(options) {
        try {
          yield* answer.bytes(options);
        } finally {
          done = true;
          release();
        }
      },
    };
  }

  #warn(header: string): void {
    // `299 - "text"` is all that the distribution-spec allows.
    const text = /^299 - "((?:[^"\\]|\\.)*)"/.exec(header.slice(0, 4096))?.[1];
    if (text !== undefined) this.onEvent?.({ type: "warning", host: this.origin.host, text: printable(text) });
  }

  async #authenticated(request: ApiRequest): Promise<WireAnswer & { readonly url: URL }> {
    const url = this.#url(request);
    // An upload that goes on elsewhere goes on without credentials.
    if (url.origin !== this.origin.origin) return await this.#redirected(request, url, undefined);
    const claim: Claim = {
      scopes: request.scopes,
      ...(request.repository === undefined ? {} : { repository: request.repository }),
      ...(request.signal ? { signal: request.signal } : {}),
    };
    const sent = await this.#authenticator.header(claim);
    const first = await this.#redirected(request, url, sent);
    if (first.url.origin !== this.origin.origin) return first;
    if (first.status !== 401 && !(sent === undefined && isInvitation(request.method, first))) return first;
    const better = await this.#authenticator.answer(first.headers["www-authenticate"], claim, sent);
    if (better === undefined) return first;
    await first.drain();
    return await this.#redirected(request, url, better);
  }

  async #redirected(
    request: ApiRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<WireAnswer & { readonly url: URL }> {
    const { body } = request;
    return await followRedirects({
      url,
      method: request.method,
      ...(this.onEvent ? { onEvent: this.onEvent } : {}),
      send: async (target, trusted) =>
        await this.#transport.request({
          method: request.method,
          url: target,
          headers: this.#headers(request, trusted && target.origin === this.origin.origin, authorization),
          ...(body === undefined ? {} : { body: typeof body === "function" ? body() : body }),
          ...(request.signal ? { signal: request.signal } : {}),
        }),
    });
  }

  #headers(request: ApiRequest, own: boolean, authorization: string | undefined): Record<string, string> {
    return {
      "user-agent": this.#options.userAgent,
      ...(own ? this.#options.headers : {}),
      ...request.headers,
      ...(own && authorization !== undefined ? { authorization } : {}),
    };
  }

  async #sendToken(request: WireRequest): Promise<WireAnswer> {
    const headers = { "user-agent": this.#options.userAgent, ...request.headers };
    const once = async (): Promise<WireAnswer> => await this.#transport.request({ ...request, headers });
    return await this.#retrying(once, `${request.method} ${request.url.host}${request.url.pathname}`, request.signal);
  }
}

/** A read that was answered, with a hint that there is more to see for those who give credentials. */
function isInvitation(method: string, { status, headers }: WireAnswer): boolean {
  if (!isRead(method) || (status !== 200 && status !== 404)) return false;
  return /^basic\b/i.test(headers["www-authenticate"] ?? "");
}
