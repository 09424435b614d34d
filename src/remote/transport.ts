import { Readable } from "node:stream";
import nodeTls from "node:tls";
import type * as Undici from "undici";
import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import { networkError } from "./network-error.ts";
import { isLoopback } from "./origin.ts";

/** TLS of a registry. `insecure`, `cert` and `key` are for the registry's own hostname only; `ca` is trusted beside the public ones. */
export interface TlsOptions {
  /** PEM. */
  readonly ca?: string | Buffer;
  readonly insecure?: boolean;
  /** Client certificate and its key, PEM. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface TransportOptions {
  /** The registry's hostname, as in a URL. */
  readonly hostname: string;
  readonly tls?: TlsOptions;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read from, in either case. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds without a byte after which a transfer counts as dead. */
  readonly stall: number;
}

export interface WireRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Bytes;
  readonly signal?: AbortSignal;
}

/** One answer on the wire; its body has to be read, drained or destroyed. */
export interface WireAnswer {
  readonly status: number;
  /** Names in lower case; several of one name joined by ", ". */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The bytes, once. @throws OciError NETWORK */
  bytes(): Bytes;
  /** Reads a little of what is left, so that the connection can be used again, or closes it. */
  drain(): Promise<void>;
}

/** Chunks pass as they come; the socket's own buffer is enough. */
const STREAM = { objectMode: true, highWaterMark: 1 } as const;

type Connect = {
  ca?: Array<string | Buffer>;
  cert?: string | Buffer;
  key?: string | Buffer;
  rejectUnauthorized?: boolean;
};

/**
 * Bytes of an answer that wait for their reader, beside those in the system's buffer: as many as come with one read of the
 * socket. What waits longer is put together in new memory for the reader, a copy that costs more than it saves.
 */
const HELD = 64 * 1024;

/** HTTP/1.1 over pooled connections; no redirects, no decoding, no retries. */
export class Transport {
  readonly #options: TransportOptions;
  /** Hosts that answered: one that refuses a connection now may be back in a moment. */
  readonly #met = new Set<string>();
  readonly #agents = new Map<string, Undici.Dispatcher>();
  #undici: typeof Undici | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** @throws OciError NETWORK, PROTOCOL; the signal's reason; whatever the body's own source throws */
  async request(request: WireRequest): Promise<WireAnswer> {
    // Loaded with the first request, so that commands without a registry never pay for it.
    this.#undici ??= await import("undici");
    const { url, method, signal } = request;
    const failure: { source?: Error } = {};
    const body = request.body;
    try {
      const answer = await this.#agent(this.#undici, url).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { ...request.headers, "accept-encoding": "identity" },
        ...(body === undefined
          ? {}
          : { body: body instanceof Uint8Array ? body : Readable.from(watch(body, failure), STREAM) }),
        ...(signal ? { signal } : {}),
        // A registry may take minutes to store what it was sent; a stalled upload restarts this clock with each write.
        headersTimeout:
          body === undefined ? Math.max(this.#options.stall, 1000) : Math.max(this.#options.stall, 300_000),
        bodyTimeout: this.#options.stall,
        highWaterMark: HELD,
        // Otherwise every HEAD would cost a connection.
        reset: false,
      });
      this.#met.add(url.host);
      return wireAnswer(answer, url, signal);
    } catch (error) {
      if (failure.source !== undefined) throw failure.source;
      const strange = !this.#met.has(url.host);
      throw networkError(error, `${method} ${url.origin}${url.pathname}`, signal, { strange });
    }
  }

  async close(): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  #agent(undici: typeof Undici, url: URL): Undici.Dispatcher {
    const own = url.hostname === this.#options.hostname;
    const direct = isLoopback(url.hostname);
    const key = `${own ? "own" : "other"} ${direct ? "direct" : "proxied"}`;
    const known = this.#agents.get(key);
    if (known) return known;
    const created = this.#create(undici, own, direct);
    this.#agents.set(key, created);
    return created;
  }

  #create(undici: typeof Undici, own: boolean, direct: boolean): Undici.Dispatcher {
    const { tls } = this.#options;
    const connect: Connect = {};
    // Looked at only here: they are read when they are looked at.
    if (tls?.ca !== undefined) connect.ca = [...nodeTls.rootCertificates, tls.ca];
    if (own && tls?.cert !== undefined) connect.cert = tls.cert;
    if (own && tls?.key !== undefined) connect.key = tls.key;
    if (own && tls?.insecure === true) connect.rejectUnauthorized = false;
    const common = { connect: { ...connect, timeout: 15_000 }, keepAliveTimeout: 10_000 };
    const http = this.#variable("http_proxy");
    const https = this.#variable("https_proxy");
    if (direct || (http === "" && https === "")) return new undici.Agent(common);
    return new undici.EnvHttpProxyAgent({
      ...common,
      requestTls: common.connect,
      httpProxy: http,
      httpsProxy: https,
      noProxy: this.#variable("no_proxy"),
    });
  }

  #variable(name: string): string {
    const { env } = this.#options;
    return env?.[name] ?? env?.[name.toUpperCase()] ?? "";
  }
}

/** Passes a body through and remembers whether it was its own source that failed. */
async function* watch(bytes: Bytes, failure: { source?: Error }): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bytes;
  } catch (error) {
    failure.source = error instanceof Error ? error : new Error(String(error));
    throw error;
  }
}

function wireAnswer(answer: Undici.Dispatcher.ResponseData, url: URL, signal: AbortSignal | undefined): WireAnswer {
  const { body } = answer;
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    headers[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  // A body that is dropped must not become an unhandled error event.
  body.on("error", () => {});
  return {
    status: answer.statusCode,
    headers,
    async *bytes() {
      const coding = headers["content-encoding"]?.toLowerCase() ?? "identity";
      if (coding !== "identity") {
        body.destroy();
        throw new OciError(
          "PROTOCOL",
          `${url.host} sent a content encoding that was not asked for: ${coding.slice(0, 40)}`,
        );
      }
      try {
        for await (const chunk of body) yield chunk as Uint8Array;
      } catch (error) {
        throw networkError(error, `${url.origin}${url.pathname}`, signal);
      } finally {
        body.destroy();
      }
    },
    async drain() {
      try {
        await body.dump({ limit: Limits.errorBody, ...(signal ? { signal } : {}) });
      } catch {
        body.destroy();
      }
    },
  };
}
