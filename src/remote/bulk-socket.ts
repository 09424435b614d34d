import type { IncomingMessage } from "node:http";
import { connect, type NetConnectOpts, type Socket } from "node:net";

/** Bytes of the buffer for heads and small bodies, of which the HTTP parser makes copies. */
const HEAD = 64 * 1024;
/** Bytes of the buffers for large bodies. */
const SLAB = 512 * 1024;
/** Bytes from which on a chunk is handed on. */
const ENOUGH = 256 * 1024;
/** Milliseconds after which fewer are as well. */
const LONG_ENOUGH = 100;
/** Buffers that wait to be used again, in this process. */
const KEPT = 16;

const kept: Buffer[] = [];
const known = new WeakMap<Socket, BulkSocket>();

/**
 * A connection without TLS whose bytes are read into buffers of our own: by Node's, they are read 64 KiB at a time, each
 * into new memory, and copied by the HTTP parser, which costs more than checking their digests. The parser is given the heads
 * and small bodies; of a large body of known length it sees only the beginning, and the connection is closed behind it.
 */
export class BulkSocket {
  readonly socket: Socket;
  #head = Buffer.allocUnsafeSlow(HEAD);
  #body: BulkBody | undefined;

  constructor(options: NetConnectOpts) {
    this.socket = connect({
      ...options,
      onread: {
        buffer: () => this.#body?.room ?? this.#head,
        callback: (length) => this.#read(length),
      },
    });
    known.set(this.socket, this);
  }

  static of(socket: Socket): BulkSocket | undefined {
    return known.get(socket);
  }

  /** The body of an answer whose head the parser has just read, if reading it past the parser is worth it. */
  body(incoming: IncomingMessage, method: string): BulkBody | undefined {
    const { statusCode, headers } = incoming;
    const length = Number(headers["content-length"]);
    // With another framing than its length, the parser would have refused the head.
    const comes = method === "GET" && (statusCode === 200 || statusCode === 206);
    if (!comes || !(length >= 2 * SLAB)) return undefined;
    this.#body = new BulkBody(this.socket, incoming, length);
    return this.#body;
  }

  #read(length: number): boolean {
    return this.#body ? this.#body.read(length) : this.#parse(this.#head.subarray(0, length));
  }

  /** A large body may begin in these bytes. */
  #parse(bytes: Buffer): boolean {
    const goesOn = this.socket.push(bytes);
    // Kept for later, since the parser's reader takes a rest: the next bytes need another place.
    if (this.socket.readableLength > 0) this.#head = Buffer.allocUnsafeSlow(HEAD);
    return this.#body?.begin() ?? goesOn;
  }
}

/** A large body, from the socket. */
export class BulkBody {
  readonly #socket: Socket;
  readonly #incoming: IncomingMessage;
  /** Bytes that have not come. */
  #left: number;
  #slab: Buffer = kept.pop() ?? Buffer.allocUnsafeSlow(SLAB);
  #filled = 0;
  #since = 0;
  readonly #ready: Buffer[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket, incoming: IncomingMessage, length: number) {
    this.#socket = socket;
    this.#incoming = incoming;
    this.#left = length;
    incoming.on("error", (error) => {
      this.#failure ??= error;
      this.#wake?.();
    });
  }

  /** What came with the head is with the parser. */
  begin(): boolean {
    this.#left -= this.#incoming.readableLength;
    return true;
  }

  /** Where the next bytes go. */
  get room(): Buffer {
    return this.#slab.subarray(this.#filled);
  }

  /** Whether nothing can come since nobody takes what is there. */
  get isHeld(): boolean {
    return this.#ready.length > 0;
  }

  /** So many bytes were put there. Returns whether more can be taken. */
  read(length: number): boolean {
    const wanted = Math.min(length, this.#left);
    this.#left -= wanted;
    const now = performance.now();
    if (this.#filled === 0) this.#since = now;
    this.#filled += wanted;
    if (this.#filled >= ENOUGH || this.#left === 0 || now - this.#since >= LONG_ENOUGH) {
      this.#handOn();
      this.#slab = kept.pop() ?? Buffer.allocUnsafeSlow(SLAB);
    }
    return this.#ready.length < 2 && this.#left > 0;
  }

  /**
   * The bytes, once.
   * @param lent a chunk is the receiver's until it asks for the second one after it
   * @throws what befell the connection
   */
  async *bytes(lent: boolean): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      const first = this.#incoming.read() as Buffer | null;
      if (first) yield first;
      let before: Buffer | undefined;
      for (;;) {
        const chunk = await this.#next();
        if (!chunk) return;
        yield chunk;
        if (lent && before && kept.length < KEPT) kept.push(Buffer.from(before.buffer));
        before = chunk;
      }
    } finally {
      this.#socket.destroy();
    }
  }

  async #next(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#ready.shift();
      if (chunk) return chunk;
      if (this.#left === 0) return undefined;
      if (this.#failure) {
        // What came before it is good.
        if (this.#filled === 0) throw this.#failure;
        this.#handOn();
        continue;
      }
      this.#socket.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #handOn(): void {
    this.#ready.push(this.#slab.subarray(0, this.#filled));
    this.#filled = 0;
    this.#wake?.();
  }
}
