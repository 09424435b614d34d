import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Bytes } from "../bytes/bytes.ts";
import { BulkSocket } from "./bulk-socket.ts";
import { nodeHttp, nodeHttps } from "./http.ts";
import { Incoming } from "./incoming.ts";
import type { WireRequest } from "./wire.ts";

/** A connection on which nothing happened for too long. */
class Stalled extends Error {
  readonly code = "ETIMEDOUT";

  constructor(what: string, milliseconds: number) {
    super(`${what} within ${milliseconds / 1000} s`);
  }
}

export interface ExchangeOptions {
  readonly agent: Agent;
  /** Milliseconds without a byte, in either direction, until the answer begins. */
  readonly patience: number;
  /** The same afterwards, while somebody reads. */
  readonly stall: number;
}

/** Milliseconds for a connection. */
const CONNECT = 15_000;

/** One request on a connection, and its answer. */
export class Exchange {
  readonly #request: ClientRequest;
  readonly #options: ExchangeOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #answer = Promise.withResolvers<Incoming>();
  readonly #abort = (): void => this.#fail(new Error("aborted"));
  #incoming: Incoming | undefined;
  #socket: Socket | undefined;
  #connecting: NodeJS.Timeout | undefined;
  #sourceFailure: Error | undefined;
  #writing = false;
  #wake: (() => void) | undefined;

  constructor({ url, method, headers, body, signal }: WireRequest, options: ExchangeOptions) {
    this.#options = options;
    this.#signal = signal;
    this.#request = (url.protocol === "https:" ? nodeHttps() : nodeHttp).request({
      agent: options.agent,
      method,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? undefined : url.port,
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, "accept-encoding": "identity" },
    });
    this.#request
      .once("socket", (socket: Socket) => this.#connected(socket))
      .once("response", (incoming) => this.#answered(incoming))
      .on("error", (error) => this.#answer.reject(error))
      .once("close", () => this.#closed());
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (body === undefined || body instanceof Uint8Array) this.#request.end(body);
    else void this.#send(body);
  }

  /** Once it begins; its body has to be read. @throws what befell the connection, or the source of the request's body */
  answer(): Promise<Incoming> {
    return this.#answer.promise;
  }

  /** What the source of the request's body threw. */
  get sourceFailure(): Error | undefined {
    return this.#sourceFailure;
  }

  /** Whether the other side may have closed the connection before the request reached it. */
  get wasReused(): boolean {
    return this.#request.reusedSocket;
  }

  #fail(error: Error): void {
    this.#request.destroy(error);
  }

  #connected(socket: Socket): void {
    this.#socket = socket;
    socket.setTimeout(this.#options.patience);
    socket.on("timeout", this.#timedOut);
    if (!socket.connecting) return;
    this.#connecting = setTimeout(() => this.#fail(new Stalled("No connection", CONNECT)), CONNECT);
    socket.once("connect", () => clearTimeout(this.#connecting));
  }

  readonly #timedOut = (): void => {
    const { stall, patience } = this.#options;
    if (!this.#incoming) this.#fail(new Stalled("No answer", patience));
    // Whoever does not read cannot blame the other side.
    else if (this.#incoming.isHeld) this.#socket?.setTimeout(stall);
    else this.#incoming.message.destroy(new Stalled("No byte", stall));
  };

  #answered(message: IncomingMessage): void {
    const { method } = this.#request;
    this.#incoming = new Incoming(message, this.#socket && BulkSocket.of(this.#socket)?.body(message, method));
    this.#socket?.setTimeout(this.#options.stall);
    // A length missing in the answer to HEAD is no body without an end: otherwise each would cost a connection.
    if (method === "HEAD" && staysOpen(message)) this.#request.shouldKeepAlive = true;
    // What was refused was not sent to its end, so nothing else can follow on this connection.
    message.once("end", () => {
      if (this.#refused && !this.#request.writableEnded) this.#request.destroy();
    });
    this.#answer.resolve(this.#incoming);
    this.#wake?.();
  }

  #closed(): void {
    clearTimeout(this.#connecting);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#socket?.off("timeout", this.#timedOut);
    // An answer that switches protocols ends so, for one.
    this.#answer.reject(new Error("the connection was closed"));
    this.#wake?.();
  }

  /** Whether there is no use in sending more: nobody listens, or has said no already. */
  get #refused(): boolean {
    return this.#request.destroyed || (this.#incoming?.message.statusCode ?? 0) >= 300;
  }

  async #send(body: Bytes): Promise<void> {
    try {
      for await (const chunk of body) {
        // Chunks may be lent: this one is written before the one after the next is asked for.
        await this.#written();
        if (this.#refused) return;
        this.#write(chunk);
      }
    } catch (error) {
      this.#sourceFailure = error instanceof Error ? error : new Error(String(error));
      this.#fail(this.#sourceFailure);
      return;
    }
    this.#request.end();
  }

  #write(chunk: Uint8Array): void {
    this.#writing = true;
    // Of failures the request tells.
    this.#request.write(chunk, () => {
      this.#writing = false;
      this.#wake?.();
    });
  }

  async #written(): Promise<void> {
    while (this.#writing && !this.#refused) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** RFC 9112 section 9.3. */
function staysOpen({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === "1.1" && !/\bclose\b/i.test(headers.connection ?? "");
}
