import type { Bytes } from "../bytes/bytes.ts";
import { Digester } from "../bytes/hash.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";

/** Digest and size of what passed by, known once the stream has ended. */
export interface Measured {
  readonly digest: Digest;
  readonly size: number;
}

/** Passes a stream through and measures it on the way. */
export class Meter {
  readonly #algorithm: Algorithm;
  #result: Measured | undefined;

  constructor(algorithm: Algorithm = "sha256") {
    this.#algorithm = algorithm;
  }

  async *measure(bytes: Bytes): AsyncGenerator<Uint8Array, void, undefined> {
    const digester = new Digester(this.#algorithm);
    for await (const chunk of bytes) {
      digester.update(chunk);
      yield chunk;
    }
    this.#result = { digest: digester.digest(), size: digester.size };
  }

  /** Only after the stream was read to its end. */
  get result(): Measured {
    if (!this.#result) throw new Error("The stream has not been read to its end");
    return this.#result;
  }
}
