import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { openRemote, type RemoteOptions } from "../../src/remote/open-remote.ts";
import type { Store } from "../../src/store/store.ts";

/** A request as a scripted server saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export type Script = (request: Seen, response: ServerResponse, number: number) => void | Promise<void>;

/** A server that answers as its script says and remembers what it was asked. */
export interface Scripted extends AsyncDisposable {
  readonly host: string;
  readonly origin: string;
  readonly seen: Seen[];
  /** `METHOD path` of every request. */
  readonly lines: string[];
}

export interface ScriptOptions {
  readonly tls?: ServerOptions;
  /** Do not wait for a request's body before the script runs. */
  readonly early?: boolean;
}

export async function scripted(script: Script, options: ScriptOptions = {}): Promise<Scripted> {
  const seen: Seen[] = [];
  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    if (!options.early) {
      try {
        for await (const chunk of request) chunks.push(chunk as Buffer);
      } catch {
        // The client broke off in the middle: there is nobody to answer.
        return;
      }
    }
    const { method = "", url = "", headers } = request;
    const one = { method, url, headers, body: Buffer.concat(chunks) };
    seen.push(one);
    await script(one, response, seen.length);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    onRequest(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const server: Server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    origin: `${options.tls ? "https" : "http"}://${host}`,
    seen,
    get lines() {
      return seen.map(({ method, url }) => `${method} ${url}`);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A store on a scripted server, quick to try again. */
export async function storeOn(server: { host: string }, options: Partial<RemoteOptions> = {}): Promise<Store> {
  return await openRemote({ host: server.host, repository: "team/app", retries: 2, retryPause: 1, ...options });
}

/** Answers with a status and a body. */
export function reply(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | string[]> = {},
  body: string | Uint8Array = "",
): void {
  response.writeHead(status, headers);
  response.end(body);
}

/** The error body of the distribution-spec. */
export function complaint(code: string, message = ""): string {
  return JSON.stringify({ errors: [{ code, message }] });
}
