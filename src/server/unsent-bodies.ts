import type { ServerResponse as NodeResponse } from "node:http";
import { Limits } from "../spec/limits.ts";

/**
 * Bounds what answers hold in memory that clients do not take: thousands that ask for a long list and read a few
 * bytes a second would need many gigabytes. Whoever has had an answer before him the longest is cut off first.
 */
export class UnsentBodies {
  readonly #most: number;
  /** From the oldest to the newest. */
  readonly #held = new Map<NodeResponse, number>();
  #bytes = 0;

  /** @param most bytes of all answers together */
  constructor(most: number = Limits.unsentBodies) {
    this.#most = most;
  }

  /** Resolves when the answer is with the kernel, or its client gone. */
  async sent(outgoing: NodeResponse): Promise<void> {
    const bytes = outgoing.writableLength;
    if (bytes === 0 || outgoing.destroyed) return;
    this.#held.set(outgoing, bytes);
    this.#bytes += bytes;
    const { promise, resolve } = Promise.withResolvers<void>();
    outgoing.once("finish", resolve).once("close", resolve);
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#most || oldest === outgoing) break;
      this.#drop(oldest);
      oldest.destroy();
    }
    await promise;
    this.#drop(outgoing);
  }

  #drop(outgoing: NodeResponse): void {
    this.#bytes -= this.#held.get(outgoing) ?? 0;
    this.#held.delete(outgoing);
  }
}
