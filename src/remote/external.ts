import type { Bytes } from "../bytes/bytes.ts";
import { skip } from "../bytes/skip.ts";
import { limit } from "../bytes/limit.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "../store/content.ts";
import { resolveLocation } from "./origin.ts";
import { followRedirects } from "./redirect.ts";
import { Transport } from "./transport.ts";

export interface ExternalOptions {
  /** Where the manifests come from; what it may not lead to is refused as for its redirects. Anything but a registry: undefined. */
  readonly origin?: string;
  /** Where proxy settings are read from. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Tried of one layer. */
const MOST_URLS = 5;
const STALL = 60_000;
/** Of what comes from no registry: only https, and nothing on this machine. */
const ELSEWHERE = "https://registry.invalid";

/**
 * Fetches layers from the URLs of their descriptors: without credentials, over https unless their registry itself
 * is spoken to in plain HTTP, never from this machine or a link-local address unless their registry is there too.
 */
export class ExternalLayers implements AsyncDisposable {
  readonly #options: ExternalOptions;
  readonly #transports = new Map<string, Transport>();

  constructor(options: ExternalOptions) {
    this.#options = options;
  }

  /**
   * The bytes, from the first URL that has them; the receiver checks size and digest.
   * @throws OciError BLOB_UNKNOWN with what each URL said
   */
  async *fetch(
    descriptor: Descriptor,
    urls: readonly string[],
    options: Signal & { readonly offset?: number } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const said: string[] = [];
    for (const url of urls.slice(0, MOST_URLS)) {
      options.signal?.throwIfAborted();
      const answer = await this.#ask(url, options).catch((error: unknown) => {
        options.signal?.throwIfAborted();
        if (error instanceof OciError) return error.message;
        throw error;
      });
      if (typeof answer === "string") said.push(answer);
      else {
        yield* skip(limit(answer, descriptor, options.signal), options.offset ?? 0);
        return;
      }
    }
    throw new OciError("BLOB_UNKNOWN", `Cannot fetch ${descriptor.digest} from its URLs: ${said.join("; ")}`, {
      digest: descriptor.digest,
      side: "source",
      hint: "Leave --include-external out to copy the image without this layer",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const transport of this.#transports.values()) transport.close();
    this.#transports.clear();
  }

  async #ask(written: string, { signal }: Signal): Promise<Bytes | string> {
    const url = resolveLocation(written, new URL(this.#options.origin ?? ELSEWHERE), "external layer");
    const answer = await followRedirects({
      url,
      method: "GET",
      send: async (target) =>
        await this.#transport(target.hostname).request({
          method: "GET",
          url: target,
          headers: { "user-agent": "berth" },
          ...(signal ? { signal } : {}),
        }),
    });
    if (answer.status === 200) return answer.bytes();
    await answer.drain();
    return `${url.host} answered ${answer.status}`;
  }

  #transport(hostname: string): Transport {
    const { env } = this.#options;
    const transport =
      this.#transports.get(hostname) ?? new Transport({ hostname, stall: STALL, ...(env ? { env } : {}) });
    this.#transports.set(hostname, transport);
    return transport;
  }
}
