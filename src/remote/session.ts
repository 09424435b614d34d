import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { type Algorithm, algorithmOf, type Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import type { ApiAnswer } from "./host.ts";
import { resolveLocation } from "./origin.ts";
import { type RepositoryApi, withAnswer } from "./repository-api.ts";

/** A body of known length that can be opened again. */
export interface Part {
  readonly length: number;
  open(): Bytes;
}

/**
 * One upload at a registry (distribution-spec end-4, 5, 6, 13, 14): where it goes on, which
 * every answer may change. Single requests, no retries: who drives it knows how to go on.
 */
export class UploadSession {
  readonly #api: RepositoryApi;
  #location: URL;
  /** The smallest chunk that the registry takes, 0 when it does not say. */
  readonly minimum: number;

  constructor(api: RepositoryApi, location: URL, minimum = 0) {
    this.#api = api;
    this.#location = location;
    this.minimum = minimum;
  }

  /** @throws OciError as the registry answers */
  static async start(api: RepositoryApi, algorithm: Algorithm, options: Signal): Promise<UploadSession> {
    const query = algorithm === "sha256" ? "" : `?digest-algorithm=${algorithm}`;
    const sent = api.send({ method: "POST", url: api.path(`blobs/uploads/${query}`), body: EMPTY, ...options });
    return await withAnswer(sent, async (answer) => {
      if (answer.status !== 202) throw await api.error(answer, "Starting an upload", "NAME_UNKNOWN");
      return UploadSession.from(api, answer);
    });
  }

  /** The session that a 202 opened. @throws OciError PROTOCOL without a usable Location */
  static from(api: RepositoryApi, answer: ApiAnswer): UploadSession {
    const minimum = Number(answer.headers["oci-chunk-min-length"] ?? 0);
    const session = new UploadSession(api, answer.url, Number.isSafeInteger(minimum) && minimum > 0 ? minimum : 0);
    if (answer.headers["location"] === undefined) {
      throw new OciError("PROTOCOL", `${api.host.origin.host} opened an upload without saying where`);
    }
    session.#moved(answer);
    return session;
  }

  get location(): URL {
    return this.#location;
  }

  /** Sends the bytes from `at` on. */
  async patch(part: Part, at: number, options: Signal): Promise<void> {
    const sent = this.#api.send({
      method: "PATCH",
      url: this.#location,
      headers: {
        "content-type": "application/octet-stream",
        "content-length": `${part.length}`,
        "content-range": `${at}-${at + part.length - 1}`,
      },
      body: () => part.open(),
      retry: false,
      ...options,
    });
    await withAnswer(sent, async (answer) => {
      if (answer.status !== 202 && answer.status !== 201 && answer.status !== 204) {
        throw await this.#api.error(answer, "Uploading a chunk", "BLOB_UPLOAD_UNKNOWN");
      }
      this.#moved(answer);
    });
  }

  /** Closes the upload, with the whole content or nothing more to send. */
  async put(digest: Digest, part: Part | undefined, options: Signal): Promise<void> {
    const url = new URL(this.#location);
    // Appended by hand: what the registry wrote into its own query stays to the byte.
    url.search = `${url.search === "" ? "?" : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
    const sent = this.#api.send({
      method: "PUT",
      url,
      headers: { "content-type": "application/octet-stream", "content-length": `${part?.length ?? 0}` },
      body: part && part.length > 0 ? () => part.open() : EMPTY,
      retry: false,
      ...options,
    });
    await withAnswer(sent, async (answer) => {
      if (answer.status !== 201 && answer.status !== 204 && answer.status !== 200) {
        throw await this.#api.error(answer, "Uploading the blob", "BLOB_UPLOAD_UNKNOWN", { digest });
      }
      const stored = answer.headers["docker-content-digest"];
      if (stored !== undefined && stored !== digest && stored.startsWith(`${algorithmOf(digest)}:`)) {
        throw new OciError("DIGEST_INVALID", `${this.#api.label} stored ${digest} as ${stored.slice(0, 140)}`, {
          digest,
        });
      }
    });
  }

  /** Bytes that the registry has. @throws OciError BLOB_UPLOAD_UNKNOWN */
  async status(options: Signal): Promise<number> {
    const sent = this.#api.send({ method: "GET", url: this.#location, ...options });
    return await withAnswer(sent, async (answer) => {
      if (answer.status !== 204 && answer.status !== 202 && answer.status !== 200) {
        const failure = await this.#api.error(answer, "Asking for an upload's offset", "BLOB_UPLOAD_UNKNOWN");
        // Whatever else it says, what answers 404 cannot be gone on with.
        if (answer.status === 404)
          throw new OciError("BLOB_UPLOAD_UNKNOWN", failure.message, { status: 404, cause: failure });
        throw failure;
      }
      this.#moved(answer);
      return parseUploadRange(answer.headers["range"]);
    });
  }

  /** Tells the registry to forget it; one that cannot, or has already, is left alone. */
  async cancel(options: Signal): Promise<void> {
    await withAnswer(
      this.#api.send({ method: "DELETE", url: this.#location, retry: false, ...options }),
      () => undefined,
    );
  }

  #moved(answer: ApiAnswer): void {
    const location = answer.headers["location"];
    if (location !== undefined) this.#location = resolveLocation(location, answer.url, "upload");
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);

/** Bytes held by `Range: 0-<last>`; `0-0` is how a fresh upload is told, so a single byte is sent again. */
export function parseUploadRange(header: string | undefined): number {
  const match = /^(?:bytes=)?0-([0-9]{1,16})$/.exec(header?.trim() ?? "");
  const last = Number(match?.[1] ?? 0);
  return last === 0 ? 0 : last + 1;
}
