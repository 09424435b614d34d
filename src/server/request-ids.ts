import { randomBytes } from "node:crypto";

/** Names for requests: none comes twice, also not after a restart. */
export class RequestIds {
  readonly #prefix: string = randomBytes(5).toString("hex");
  #count = 0;

  next(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count.toString(36)}`;
  }
}
