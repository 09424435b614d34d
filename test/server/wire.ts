import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { RunningServer } from "../../src/server/serve.ts";

/** A raw connection, for requests that no HTTP client would send. */
export class Wire implements AsyncDisposable {
  readonly socket: Socket;
  received = "";
  readonly #closed: Promise<unknown>;

  private constructor(socket: Socket) {
    this.socket = socket;
    // Not events.once: it would reject on an error, and a reset is what many a test wants to see.
    this.#closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => undefined);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.received += text;
      socket.emit("more");
    });
  }

  static async open(server: RunningServer): Promise<Wire> {
    const socket = connect(server.address.port, server.address.address);
    await once(socket, "connect");
    return new Wire(socket);
  }

  write(text: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(text);
  }

  /** Waits until what came matches, or the connection is closed. */
  async until(expected: RegExp): Promise<string> {
    while (!expected.test(this.received) && !this.socket.closed) {
      await Promise.race([once(this.socket, "more"), this.#closed]);
    }
    return this.received;
  }

  /** Waits until the other side closed, and returns all that came. */
  async closed(): Promise<string> {
    await this.#closed;
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.#closed;
  }
}
