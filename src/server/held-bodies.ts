import { collect } from "../bytes/collect.ts";
import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";

/** A body in memory; disposing of it makes room for others. */
export interface HeldBody extends Disposable {
  readonly bytes: Uint8Array;
}

/**
 * Bounds what bodies of all requests together hold in memory: thousands of clients that each send a manifest
 * just below the limit, slowly, would need many gigabytes. Small bodies never have to wait for the large ones.
 */
export class HeldBodies {
  readonly #most: number;
  readonly #free: number;
  #held = 0;

  /**
   * @param most bytes of all bodies together
   * @param free bytes of each that do not count
   */
  constructor(most: number = Limits.heldBodies, free: number = Limits.smallBody) {
    this.#most = most;
    this.#free = free;
  }

  /**
   * Holds a whole body, up to a limit.
   * @throws OciError LIMIT_EXCEEDED, TOOMANYREQUESTS while others hold too much
   */
  async take(bytes: Bytes, limit: number, what: string): Promise<HeldBody> {
    let own = 0;
    const giveBack = (): void => {
      this.#held -= own;
      own = 0;
    };
    const count = (came: number): void => {
      const next = Math.max(came - this.#free, 0);
      if (this.#held + next - own > this.#most) {
        throw new OciError("TOOMANYREQUESTS", `Too many large bodies are on their way in; this ${what} has to wait`);
      }
      this.#held += next - own;
      own = next;
    };
    try {
      return { bytes: await collect(counted(bytes, count), limit, what), [Symbol.dispose]: giveBack };
    } catch (error) {
      giveBack();
      throw error;
    }
  }
}

async function* counted(bytes: Bytes, count: (came: number) => void): Bytes {
  let came = 0;
  for await (const chunk of bytes) {
    came += chunk.length;
    count(came);
    yield chunk;
  }
}
