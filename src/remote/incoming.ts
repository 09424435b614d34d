import type { IncomingMessage } from "node:http";
import type { BulkBody } from "./bulk-socket.ts";

/** Bytes of an answer that wait for their reader, beside those in the system's buffer. */
const HELD = 128 * 1024;

/** An answer that has begun. */
export class Incoming {
  readonly message: IncomingMessage;
  readonly #bulk: BulkBody | undefined;
  readonly #chunks: Buffer[] = [];
  #held = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(message: IncomingMessage, bulk: BulkBody | undefined) {
    this.message = message;
    this.#bulk = bulk;
    message.on("error", (error) => {
      this.#failure ??= error;
      this.#wake?.();
    });
  }

  /** Whether nothing comes because nobody takes what is there. */
  get isHeld(): boolean {
    return this.#bulk ? this.#bulk.isHeld : this.message.isPaused();
  }

  /**
   * The bytes, once. A reader that leaves before the end closes the connection.
   * @param lent a chunk may be used again once the second one after it is asked for
   * @throws what befell the connection
   */
  bytes(lent: boolean): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#bulk ? this.#bulk.bytes(lent) : this.#small();
  }

  async *#small(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#listen();
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk) {
          this.#held -= chunk.length;
          yield chunk;
        } else if (this.#ended) return;
        else if (this.#failure) throw this.#failure;
        else await this.#more();
      }
    } finally {
      if (!this.#ended) this.message.destroy();
    }
  }

  #listen(): void {
    this.message
      .on("data", (chunk: Buffer) => {
        this.#chunks.push(chunk);
        this.#held += chunk.length;
        if (this.#held >= HELD) this.message.pause();
        this.#wake?.();
      })
      .once("end", () => {
        this.#ended = true;
        this.#wake?.();
      });
  }

  async #more(): Promise<void> {
    this.message.resume();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
