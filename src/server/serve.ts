import { createServer, type IncomingMessage, type ServerResponse as NodeResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { OciError } from "../error/oci-error.ts";
import type { Registry } from "../store/store.ts";
import { Departures } from "./departures.ts";
import { exchange } from "./exchange.ts";
import { createHandler, type HandlerOptions } from "./handler.ts";
import { listen } from "./listen.ts";
import { Pace, type PaceOptions } from "./pace.ts";
import { renderError } from "./render-error.ts";
import { RequestIds } from "./request-ids.ts";
import type { RouteKind } from "./route.ts";
import { Turns } from "./turns.ts";
import { UnsentBodies } from "./unsent-bodies.ts";

/** What a running server tells of its work. */
export interface ServerEvent {
  readonly type: "request";
  /** Unlike that of every other request; the answer carries it as X-Request-Id. */
  readonly id: string;
  /** The address that it came from; undefined when the connection was gone already. */
  readonly remote: string | undefined;
  readonly method: string;
  /** As it came, percent-encoded, and with whatever secret its query holds; escape it before showing it. */
  readonly target: string;
  /** What kind of thing was asked for; undefined where nothing answers. */
  readonly route: RouteKind | undefined;
  readonly status: number;
  /** Bytes of the answer's body that were handed to the connection. */
  readonly bytes: number;
  /** Bytes of the request's body that came, as far as they were wanted. */
  readonly received: number;
  readonly milliseconds: number;
  /** The client's word for itself. */
  readonly agent: string | undefined;
  /** Why it failed, with what the client was not told. */
  readonly error?: unknown;
}

export interface ServeOptions extends HandlerOptions {
  /** Stays the caller's: closing the server leaves it open. */
  readonly registry: Registry;
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
  /** Connections at once; further ones are closed at the door. 4,096 by default. */
  readonly connections?: number;
  /** Milliseconds for the head of a request. 30,000 by default. */
  readonly headersTimeout?: number;
  readonly pace?: PaceOptions;
  readonly onEvent?: (event: ServerEvent) => void;
}

/** How busy a server is at one moment. */
export interface ServerLoad {
  readonly connections: number;
  /** Requests whose answer is not out yet. */
  readonly requests: number;
  /** Uploads that were begun and are neither finished nor given up. */
  readonly uploads: number;
}

export interface RunningServer {
  readonly url: string;
  readonly address: AddressInfo;
  load(): Promise<ServerLoad>;
  /** Stops accepting, lets requests under way finish within the grace (10 s by default), then cuts them off. */
  close(graceMs?: number): Promise<void>;
}

const MAX_HEADER_SIZE = 16 * 1024;
/** Longer than common proxies keep theirs, so that they never reuse a connection that just closed. */
const KEEP_ALIVE = 65_000;
const GRACE = 10_000;
/** Milliseconds until a connection that was refused is gone, whatever its client does. */
const REFUSED_FOR = 2000;

/** Serves a registry over HTTP. @throws OciError IO when it cannot listen */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const handler = createHandler(options.registry, options);
  const pace = new Pace(options.pace);
  const active = new Set<Promise<void>>();
  const turns = new Turns();
  const departures = new Departures();
  const unsent = new UnsentBodies();
  const ids = new RequestIds();
  let closing = false;

  async function run(incoming: IncomingMessage, outgoing: NodeResponse, expectsContinue: boolean): Promise<void> {
    const started = performance.now();
    const id = ids.next();
    const { remoteAddress } = incoming.socket;
    const { route, status, bytes, received, error } = await exchange(handler, incoming, outgoing, {
      id,
      expectsContinue,
      closing: () => closing,
      departures,
      unsent,
      pace,
    });
    options.onEvent?.({
      type: "request",
      id,
      remote: remoteAddress,
      method: incoming.method ?? "",
      target: incoming.url ?? "",
      route,
      status,
      bytes,
      received,
      milliseconds: performance.now() - started,
      agent: incoming.headers["user-agent"],
      ...(error === undefined ? {} : { error }),
    });
  }

  function take(incoming: IncomingMessage, outgoing: NodeResponse, expectsContinue: boolean): void {
    turns.take(incoming.socket, outgoing, () => {
      const running = run(incoming, outgoing, expectsContinue)
        // The exchange never throws; a listener's failure must not end the server.
        .catch(() => void outgoing.destroy())
        .finally(() => active.delete(running));
      active.add(running);
      return running;
    });
  }

  const server = createServer({
    headersTimeout: options.headersTimeout ?? 30_000,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE,
    maxHeaderSize: MAX_HEADER_SIZE,
    connectionsCheckingInterval: Math.min(5000, options.headersTimeout ?? 5000),
    // Of two Content-Types a proxy may have looked at the other one; joined they are none.
    joinDuplicateHeaders: true,
  });
  // Their size is capped. Beyond a number of fields some versions drop the rest silently, and a guard (If-Match) with them.
  server.maxHeadersCount = 0;
  server.maxConnections = options.connections ?? 4096;
  server.on("request", (incoming, outgoing) => take(incoming, outgoing, false));
  server.on("checkContinue", (incoming, outgoing) => take(incoming, outgoing, true));
  server.on("connect", (_incoming, socket: Socket) => refuseConnection(socket, 405, "Method Not Allowed"));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    // What is written now would count as part of the answer that is on its way.
    if (turns.current(socket)?.headersSent) socket.destroy();
    else refuseGarbage(error, socket);
  });
  const { host = "127.0.0.1", port = 0 } = options;
  const { url, address } = await listen(server, { host, port, named: { host: "--host", port: "--port" } });
  return {
    url,
    address,
    async load() {
      const { promise, resolve } = Promise.withResolvers<number>();
      // It fails when the server is closed: then there are none.
      server.getConnections((error, count) => resolve(error ? 0 : count));
      return { connections: await promise, requests: active.size, uploads: handler.openUploads() };
    },
    async close(graceMs = GRACE) {
      closing = true;
      const closed = new Promise((resolve) => server.close(resolve));
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
      await Promise.all(active);
      pace[Symbol.dispose]();
      await handler[Symbol.asyncDispose]();
    },
  };
}

/** Answers what is no HTTP, or not in time, and closes: nobody can tell where the next request would begin. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason]: [number, string] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? [431, "Request Header Fields Too Large"]
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? [408, "Request Timeout"]
        : [400, "Bad Request"];
  refuseConnection(socket, status, reason);
}

/** Answers without a request to answer, and closes; who does not close from the other side is not waited for. */
function refuseConnection(socket: Socket, status: number, reason: string): void {
  const { body } = renderError(new OciError(status === 405 ? "UNSUPPORTED" : "USAGE", reason), { status });
  const text = Buffer.from(body instanceof Uint8Array ? body : []).toString();
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
  setTimeout(() => socket.destroy(), REFUSED_FOR).unref();
}
