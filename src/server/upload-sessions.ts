import { OciError } from "../error/oci-error.ts";
import { type Upload, UPLOAD_AGE } from "../store/blobs.ts";
import type { Store } from "../store/store.ts";

export interface UploadSessionsOptions {
  /** Uploads open at once; the next one is refused with 429. 1,000 by default. */
  readonly most?: number;
  /** Milliseconds after which an upload that nobody touched is thrown away. A day by default. */
  readonly timeToLive?: number;
}

/** Milliseconds after which an untouched upload gives its file handle back; its id stays good. */
const SUSPEND_AFTER = 60_000;
/** Milliseconds of rest after which an upload may be thrown away to make room for a new one. */
const EVICT_AFTER = 300_000;
const ID = /^[A-Za-z0-9_-]{16,128}$/;

interface Session {
  readonly store: Store;
  readonly id: string;
  /** Absent while suspended. */
  upload: Upload | undefined;
  busy: boolean;
  touchedAt: number;
}

/** The right to write to an upload, for one request at a time. */
export interface Lease {
  readonly upload: Upload;
  /** Ends the lease; `ended`: the upload is committed, aborted or gone. */
  release(ended: boolean): Promise<void>;
}

/**
 * Keeps uploads open between the requests of a session, since a running hash cannot be saved.
 * Losing all of it loses nothing: the store finds an upload by its id. An id opens an
 * upload only in the repository it was started in.
 */
export class UploadSessions implements AsyncDisposable {
  readonly #most: number;
  readonly #timeToLive: number;
  readonly #timer: NodeJS.Timeout;
  readonly #sessions = new Map<string, Session>();
  /** Uploads that are being opened, so that many at once do not all find the last place free. */
  #starting = 0;

  constructor(options: UploadSessionsOptions = {}) {
    this.#most = options.most ?? 1000;
    this.#timeToLive = options.timeToLive ?? UPLOAD_AGE;
    // What nobody holds any more can be given up when the disk is full.
    this.#timer = setInterval(() => void this.#makeRoom().catch(() => undefined), SUSPEND_AFTER).unref();
  }

  /** How many are open, suspended ones included. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Opens an upload where there is room for one. @throws OciError TOOMANYREQUESTS, and what `stage` throws */
  async start(repository: string, store: Store, stage: () => Promise<Upload>): Promise<Upload> {
    await this.#makeRoom();
    if (this.#sessions.size + this.#starting >= this.#most) {
      throw new OciError("TOOMANYREQUESTS", `${this.#most} uploads are open already; finish or cancel some`);
    }
    this.#starting += 1;
    try {
      const upload = await stage();
      const session = { store, id: upload.id, upload, busy: false, touchedAt: Date.now() };
      this.#sessions.set(keyOf(repository, upload.id), session);
      return upload;
    } finally {
      this.#starting -= 1;
    }
  }

  async #makeRoom(): Promise<void> {
    const now = Date.now();
    for (const [key, session] of this.#sessions) {
      const rest = now - session.touchedAt;
      // Least recently used first: from here on all are younger.
      if (rest < SUSPEND_AFTER) break;
      if (session.busy) continue;
      if (rest >= this.#timeToLive || (rest >= EVICT_AFTER && this.#sessions.size >= this.#most)) {
        this.#sessions.delete(key);
        await discard(session);
      } else {
        await suspend(session);
      }
    }
  }

  /** How many bytes an upload holds. @throws OciError BLOB_UPLOAD_UNKNOWN */
  async offset(repository: string, id: string, store: Store): Promise<number> {
    const session = await this.#find(repository, id, store);
    return session.upload?.offset ?? 0;
  }

  /** @throws OciError BLOB_UPLOAD_UNKNOWN, RANGE_INVALID when another request writes to it */
  async lease(repository: string, id: string, store: Store): Promise<Lease> {
    const session = await this.#find(repository, id, store);
    const { upload } = session;
    if (session.busy || !upload) {
      throw new OciError("RANGE_INVALID", "Another request is writing to this upload");
    }
    session.busy = true;
    return {
      upload,
      release: async (ended) => {
        session.busy = false;
        session.touchedAt = Date.now();
        if (!ended) return;
        this.#sessions.delete(keyOf(repository, id));
        await suspend(session);
      },
    };
  }

  async #find(repository: string, id: string, store: Store): Promise<Session> {
    if (!ID.test(id)) throw unknownUpload();
    const key = keyOf(repository, id);
    const known = this.#sessions.get(key);
    if (known?.upload) {
      known.touchedAt = Date.now();
      // Last in the map: most recently used.
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known;
    }
    if (!store.resume) throw unknownUpload();
    const upload = await store.resume(id);
    const raced = this.#sessions.get(key);
    if (raced?.upload) {
      if (raced.upload !== upload) await upload[Symbol.asyncDispose]();
      return raced;
    }
    const session = { store, id, upload, busy: false, touchedAt: Date.now() };
    this.#sessions.set(key, session);
    return session;
  }

  /** Suspends all of them, so that a later run can go on where they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const session of this.#sessions.values()) await suspend(session);
    this.#sessions.clear();
  }
}

function keyOf(repository: string, id: string): string {
  return `${repository}\n${id}`;
}

function unknownUpload(): OciError {
  return new OciError("BLOB_UPLOAD_UNKNOWN", "No such upload in this repository");
}

async function suspend(session: Session): Promise<void> {
  const { upload } = session;
  session.upload = undefined;
  await upload?.[Symbol.asyncDispose]();
}

async function discard(session: Session): Promise<void> {
  const upload = session.upload ?? (await session.store.resume?.(session.id).catch(() => undefined));
  session.upload = undefined;
  await upload?.abort();
  await upload?.[Symbol.asyncDispose]();
}
