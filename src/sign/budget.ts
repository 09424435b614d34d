import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import type { Kind, Source } from "../store/store.ts";

/** What may be read of one subject's signatures; whoever hung them there decides how many there are. */
export interface SignatureLimits {
  /** {@link Limits.signatures} when absent. */
  readonly signatures?: number;
  /** Bytes; {@link Limits.signatureBytes} when absent. */
  readonly bytes?: number;
}

/** Reads of one subject, counted: over a cap the whole look fails, so that nothing is verified by half of what is there. */
export class Budget {
  readonly #subject: Descriptor;
  readonly #limits: Required<SignatureLimits>;
  #signatures = 0;
  #bytes = 0;

  constructor(subject: Descriptor, limits: SignatureLimits = {}) {
    this.#subject = subject;
    this.#limits = {
      signatures: limits.signatures ?? Limits.signatures,
      bytes: limits.bytes ?? Limits.signatureBytes,
    };
  }

  /** @throws OciError LIMIT_EXCEEDED */
  count(): void {
    this.#signatures += 1;
    if (this.#signatures > this.#limits.signatures) throw this.#exceeded(`${this.#limits.signatures} signatures`);
  }

  /** @throws OciError LIMIT_EXCEEDED, and what the source throws */
  async read(source: Pick<Source, "fetch">, descriptor: Descriptor, kind: Kind, options: Signal): Promise<Uint8Array> {
    const limit = kind === "manifest" ? Limits.manifest : Limits.signature;
    if (descriptor.size > limit) {
      throw new OciError("LIMIT_EXCEEDED", `${descriptor.digest} has ${descriptor.size} bytes, the limit is ${limit}`, {
        digest: descriptor.digest,
      });
    }
    this.#bytes += descriptor.size;
    if (this.#bytes > this.#limits.bytes) throw this.#exceeded(`${this.#limits.bytes} bytes of signatures`);
    const what = `${kind} ${descriptor.digest}`;
    return collect(source.fetch(descriptor, { kind, ...options }), limit, what);
  }

  #exceeded(what: string): OciError {
    const { digest } = this.#subject;
    return new OciError("LIMIT_EXCEEDED", `More than ${what} hang on ${digest}`, {
      digest,
      hint: "Nothing is verified by a part of them: remove those that do not belong there",
    });
  }
}
