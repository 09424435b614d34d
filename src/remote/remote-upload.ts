import type { Bytes } from "../bytes/bytes.ts";
import { fromBuffer } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Upload } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import { resolveLocation } from "./origin.ts";
import type { RepositoryApi } from "./repository-api.ts";
import { UploadSession } from "./session.ts";

/** Bytes held in memory before they are sent, when nothing else is asked for. */
const CHUNK = 8 * 1024 * 1024;

/** An upload at a registry, as a store's caller sees it. Its id is its URL, which changes as it goes on. */
export class RemoteUpload implements Upload {
  readonly #session: UploadSession;
  readonly #chunk: number;
  #offset: number;

  constructor(session: UploadSession, offset: number, chunkSize: number | undefined) {
    this.#session = session;
    this.#offset = offset;
    this.#chunk = Math.max(chunkSize ?? CHUNK, session.minimum);
  }

  /** @throws OciError BLOB_UPLOAD_UNKNOWN for an id that is none, or not one of this registry */
  static async resume(
    api: RepositoryApi,
    id: string,
    chunkSize: number | undefined,
    options: Signal,
  ): Promise<RemoteUpload> {
    if (!URL.canParse(id)) throw new OciError("BLOB_UPLOAD_UNKNOWN", "The id of an upload at a registry is its URL");
    const session = new UploadSession(api, resolveLocation(id, api.host.origin, "upload"));
    const offset = await session.status(options);
    return new RemoteUpload(session, offset, chunkSize);
  }

  get id(): string {
    return this.#session.location.href;
  }

  get offset(): number {
    return this.#offset;
  }

  async append(bytes: Bytes, at: number, options: Signal = {}): Promise<number> {
    if (at !== this.#offset) {
      throw new OciError("RANGE_INVALID", `The upload is at ${this.#offset}, cannot append at ${at}`);
    }
    let held: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of bytes) {
      held.push(chunk);
      size += chunk.length;
      if (size < this.#chunk) continue;
      await this.#send(Buffer.concat(held, size), options);
      held = [];
      size = 0;
    }
    if (size > 0) await this.#send(Buffer.concat(held, size), options);
    return this.#offset;
  }

  async commit(digest: Digest, options: Signal = {}): Promise<Descriptor> {
    await this.#session.put(digest, undefined, options);
    return { mediaType: "application/octet-stream", digest, size: this.#offset };
  }

  async abort(): Promise<void> {
    await this.#session.cancel({});
  }

  /** Nothing to do: the registry keeps it until it is resumed or expires. */
  async [Symbol.asyncDispose](): Promise<void> {}

  async #send(bytes: Uint8Array, options: Signal): Promise<void> {
    await this.#session.patch({ length: bytes.length, open: () => fromBuffer(bytes) }, this.#offset, options);
    this.#offset += bytes.length;
  }
}
