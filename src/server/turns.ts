import { once } from "node:events";
import type { ServerResponse as NodeResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests that may wait behind the one of their connection that is being answered. */
const MOST_WAITING = 100;

interface Turn {
  readonly outgoing: NodeResponse;
  readonly run: () => Promise<void>;
}

interface Line {
  current: NodeResponse;
  readonly waiting: Turn[];
}

/**
 * Answers the requests of one connection one after the other. node:http hands over all that a client
 * sends at once (pipelining): tens of thousands from one socket, each with its files and buffers.
 */
export class Turns {
  readonly #lines = new WeakMap<Socket, Line>();

  /** Runs now, or when those before it have ended; a client with too many waiting is cut off. */
  take(socket: Socket, outgoing: NodeResponse, run: () => Promise<void>): void {
    const line = this.#lines.get(socket);
    if (line === undefined) {
      const begun: Line = { current: outgoing, waiting: [] };
      this.#lines.set(socket, begun);
      void this.#work(socket, begun, run);
    } else if (line.waiting.length < MOST_WAITING) {
      line.waiting.push({ outgoing, run });
    } else {
      line.waiting.length = 0;
      socket.destroy();
    }
  }

  /** The answer that is being made on a connection. */
  current(socket: Socket): NodeResponse | undefined {
    return this.#lines.get(socket)?.current;
  }

  async #work(socket: Socket, line: Line, first: () => Promise<void>): Promise<void> {
    await first();
    for (let next = line.waiting.shift(); next !== undefined; next = line.waiting.shift()) {
      // An answer that its client does not take must not let more of them pile up behind it.
      if (!line.current.destroyed) await once(line.current, "close");
      // An answer that its client does not take must not let more of them pile up behind it.
      if (!line.current.destroyed) await once(line.current, "close");
      // Nobody is there to learn how it ended.
      if (socket.destroyed) break;
      line.current = next.outgoing;
      await next.run();
    }
    this.#lines.delete(socket);
  }
}
