import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import { Agents, type AgentsOptions } from "./agents.ts";
import { Exchange } from "./exchange.ts";
import type { Incoming } from "./incoming.ts";
import { isHangUp, networkError } from "./network-error.ts";
import { isRead, type WireAnswer, type WireRequest } from "./wire.ts";

export interface TransportOptions extends AgentsOptions {
  /** Milliseconds without a byte after which a transfer counts as dead. */
  readonly stall: number;
}

/** A registry may take minutes to store what it was sent. Milliseconds. */
const STORING = 300_000;

/** HTTP/1.1 over pooled connections; no redirects, no decoding, no retries. */
export class Transport {
  readonly #stall: number;
  readonly #agents: Agents;
  /** Hosts that answered: one that refuses a connection now may be back in a moment. */
  readonly #met = new Set<string>();

  constructor(options: TransportOptions) {
    this.#stall = options.stall;
    this.#agents = new Agents(options);
  }

  /** @throws OciError NETWORK, PROTOCOL; the signal's reason; whatever the body's own source throws */
  async request(request: WireRequest): Promise<WireAnswer> {
    const { url, method, signal, body } = request;
    signal?.throwIfAborted();
    const patience = Math.max(this.#stall, body === undefined ? 1000 : STORING);
    for (;;) {
      let exchange: Exchange | undefined;
      try {
        exchange = new Exchange(request, { agent: this.#agents.for(url), patience, stall: this.#stall });
        const incoming = await exchange.answer();
        this.#met.add(url.host);
        return wireAnswer(incoming, url, signal);
      } catch (error) {
        if (exchange?.sourceFailure !== undefined) throw exchange.sourceFailure;
        // Closed while nobody used it: that says nothing of the request, which never arrived.
        if (exchange?.wasReused && isRead(method) && isHangUp(error) && !signal?.aborted) continue;
        const strange = !this.#met.has(url.host);
        throw networkError(error, `${method} ${url.origin}${url.pathname}`, signal, { strange });
      }
    }
  }

  close(): void {
    this.#agents.close();
  }
}

function wireAnswer(incoming: Incoming, url: URL, signal: AbortSignal | undefined): WireAnswer {
  const { message } = incoming;
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return {
    status: message.statusCode ?? 0,
    headers,
    async *bytes({ lent = false } = {}) {
      const coding = headers["content-encoding"]?.toLowerCase() ?? "identity";
      if (coding !== "identity") {
        message.destroy();
        throw new OciError(
          "PROTOCOL",
          `${url.host} sent a content encoding that was not asked for: ${coding.slice(0, 40)}`,
        );
      }
      try {
        yield* incoming.bytes(lent);
      } catch (error) {
        throw networkError(error, `${url.origin}${url.pathname}`, signal);
      }
    },
    async drain() {
      let left = Limits.errorBody;
      try {
        for await (const chunk of incoming.bytes(false)) {
          left -= chunk.length;
          if (left < 0) return;
        }
      } catch {
        // Closed already, which is the other way to be done with it.
      }
    },
  };
}
