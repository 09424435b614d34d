import type { Socket } from "node:net";

export interface PaceOptions {
  /** Bytes per second below which a client counts as stalled. 256 by default. */
  readonly bytesPerSecond?: number;
  /** Milliseconds that a client may stay below it. 30,000 by default. */
  readonly patience?: number;
}

/** Looks per patience; a client is cut off after all of them found it too slow. */
const LOOKS = 3;

/** One request under way, as far as its client's speed goes. */
export interface Paced {
  readonly socket: Socket;
  /** Whether the server waits for bytes of the request; waiting for the disk is nobody's fault. */
  receiving: boolean;
}

interface Watched {
  seen: number;
  strikes: number;
}

/**
 * Cuts off clients that neither send nor take bytes at a minimum rate while the server waits
 * for them. Node's requestTimeout does the opposite of both: it ends slow but honest uploads
 * and lets one byte a second pass.
 */
export class Pace implements Disposable {
  readonly #watched = new Map<Paced, Watched>();
  readonly #least: number;
  readonly #timer: NodeJS.Timeout;

  constructor(options: PaceOptions = {}) {
    const interval = (options.patience ?? 30_000) / LOOKS;
    this.#least = ((options.bytesPerSecond ?? 256) * interval) / 1000;
    this.#timer = setInterval(() => this.#look(), interval);
    this.#timer.unref();
  }

  watch(paced: Paced): void {
    this.#watched.set(paced, { seen: moved(paced.socket), strikes: 0 });
  }

  forget(paced: Paced): void {
    this.#watched.delete(paced);
  }

  #look(): void {
    for (const [paced, watched] of this.#watched) {
      const now = moved(paced.socket);
      const waiting = paced.receiving || paced.socket.writableLength > 0;
      watched.strikes = waiting && now - watched.seen < this.#least ? watched.strikes + 1 : 0;
      watched.seen = now;
      if (watched.strikes >= LOOKS) paced.socket.destroy();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }
}

/** Bytes that went over a socket, both ways; what is still queued did not. */
function moved(socket: Socket): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength;
}
