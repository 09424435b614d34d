import type { IncomingMessage } from "node:http";
import { OciError } from "../error/oci-error.ts";
import type { Paced } from "./pace.ts";

type Result = IteratorResult<Uint8Array, undefined>;

export interface RequestBodyOptions {
  /** Learns when the server waits for the client. */
  readonly paced: Pick<Paced, "receiving">;
  /** Called before anything is read: the client may wait for a 100. */
  readonly onStart: () => void;
}

/**
 * The body of a request, read once, chunk by chunk as the chunks come from the socket: the iterator of node:http
 * costs a push several percent of its time. Nothing is asked for before it is wanted, and leaving early keeps the
 * connection.
 */
export class RequestBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #incoming: IncomingMessage;
  readonly #options: RequestBodyOptions;
  /** What came before it was asked for. */
  readonly #chunks: Uint8Array[] = [];
  #asked: PromiseWithResolvers<Result> | undefined;
  #state: "new" | "flowing" | "paused" | "ended" | "broken" = "new";
  #cause: unknown;
  #received = 0;
  #detach: (() => void) | undefined;

  constructor(incoming: IncomingMessage, options: RequestBodyOptions) {
    this.#incoming = incoming;
    this.#options = options;
  }

  /** Bytes that came so far. */
  get received(): number {
    return this.#received;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws OciError INTERRUPTED when the body breaks off; what came before is handed out first */
  next(): Promise<Result> {
    if (this.#state === "new") this.#start();
    const chunk = this.#chunks.shift();
    if (chunk) return Promise.resolve({ done: false, value: chunk });
    if (this.#state === "ended") return Promise.resolve({ done: true, value: undefined });
    if (this.#state === "broken") return Promise.reject(this.#failure());
    if (this.#state === "paused") {
      this.#state = "flowing";
      this.#incoming.resume();
    }
    this.#options.paced.receiving = true;
    this.#asked = Promise.withResolvers();
    return this.#asked.promise;
  }

  return(): Promise<Result> {
    this.#stop("ended");
    this.#chunks.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  #start(): void {
    const incoming = this.#incoming;
    this.#options.onStart();
    // Too late to hear of either.
    if (incoming.readableEnded || incoming.destroyed) {
      this.#state = incoming.readableEnded && incoming.complete ? "ended" : "broken";
      return;
    }
    this.#state = "flowing";
    const take = (chunk: Uint8Array): void => this.#take(chunk);
    const end = (): void => this.#end();
    const fail = (cause?: unknown): void => this.#break(cause);
    incoming.on("data", take).on("end", end).on("error", fail).on("close", fail);
    this.#detach = () => {
      incoming.off("data", take).off("end", end).off("error", fail).off("close", fail);
      if (!incoming.readableEnded) incoming.pause();
    };
  }

  #take(chunk: Uint8Array): void {
    this.#received += chunk.length;
    const asked = this.#asked;
    if (asked) {
      this.#asked = undefined;
      this.#options.paced.receiving = false;
      asked.resolve({ done: false, value: chunk });
      return;
    }
    this.#chunks.push(chunk);
    if (this.#state !== "flowing") return;
    this.#state = "paused";
    this.#incoming.pause();
  }

  #end(): void {
    if (!this.#incoming.complete) return this.#break();
    this.#stop("ended");
    this.#asked?.resolve({ done: true, value: undefined });
  }

  #break(cause?: unknown): void {
    this.#cause = cause;
    this.#stop("broken");
    this.#asked?.reject(this.#failure());
  }

  /** From here on nothing is read; whoever wants the rest to be gone has to see to it. */
  #stop(state: "ended" | "broken"): void {
    this.#detach?.();
    this.#state = state;
    this.#options.paced.receiving = false;
  }

  #failure(): OciError {
    return new OciError("INTERRUPTED", "The body of the request broke off", { cause: this.#cause });
  }
}
