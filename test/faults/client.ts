import { Agent, request } from "undici";
import { isOciError } from "../../src/error/oci-error.ts";
import type { Handler } from "../../src/server/handler.ts";
import { send } from "../server/probe.ts";

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

/** The connection broke before the answer was whole: nobody knows what came of the request. */
export class Cut extends Error {}

/** A client of the distribution API. */
export interface Client extends AsyncDisposable {
  /** @throws Cut */
  say(method: string, target: string, sent?: Sent): Promise<Answer>;
}

/** Speaks to a handler in this process. */
export function handlerClient(handler: Handler): Client {
  return {
    async say(method, target, sent = {}) {
      try {
        const { status, headers, bytes } = await send(handler, method, target, sent);
        return { status, headers: joined(headers), bytes };
      } catch (error) {
        // The handler renders every error; what is thrown is a body that ended early.
        if (isOciError(error)) throw new Cut(error.message, { cause: error });
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Milliseconds for an answer; a server that takes longer hangs. */
const PATIENCE = 30_000;

/** Speaks to a server over the network, on connections of its own. */
export function networkClient(url: string): Client {
  const agent = new Agent({ bodyTimeout: PATIENCE, headersTimeout: PATIENCE, connect: { timeout: PATIENCE } });
  return {
    async say(method, target, sent = {}) {
      try {
        const { statusCode, headers, body } = await request(new URL(target, url), {
          dispatcher: agent,
          method: method as "GET",
          ...(sent.headers === undefined ? {} : { headers: sent.headers }),
          ...(sent.body === undefined ? {} : { body: sent.body }),
        });
        return { status: statusCode, headers: joined(headers), bytes: Buffer.from(await body.arrayBuffer()) };
      } catch (error) {
        if (!(error instanceof Error) || !("code" in error)) throw error;
        if (String(error.code).includes("TIMEOUT")) throw error;
        throw new Cut(`${method} ${target}: ${String(error.code)}`, { cause: error });
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

function joined(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    typeof value === "string" ? value : (value ?? []).join(", "),
  ]);
  return Object.fromEntries(entries);
}
