import { connect } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");
/** As much as a socket gives at once. */
const BUFFER = 1024 * 1024;

/** One connection's side of the conversation. */
export interface Talk {
  readonly host: string;
  readonly port: number;
  /** The only status that counts. */
  readonly status: number;
  /** Answers have no body, whatever their Content-Length says. */
  readonly headOnly: boolean;
  /** The next request, or undefined when it is enough. */
  next(): Buffer | undefined;
  /** An answer is complete, head and body having this many bytes. */
  answered(bytes: number): void;
}

/**
 * Sends requests over one connection, each after the answer to the one before. Answers are counted and
 * skipped by their Content-Length; what they hold was checked before.
 */
export async function converse({ host, port, status, headOnly, next, answered }: Talk): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const wanted = Buffer.from(`HTTP/1.1 ${status} `);
  let head = Buffer.alloc(0);
  /** Bytes of the body still to come; undefined while the head is awaited. */
  let left: number | undefined;
  let received = 0;

  const onread = {
    buffer: Buffer.allocUnsafe(BUFFER),
    callback: (length: number, buffer: Uint8Array): boolean => {
      try {
        take(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      } catch (error) {
        reject(error);
        socket.destroy();
      }
      return true;
    },
  };
  const socket = connect({ host, port, noDelay: true, onread });
  socket.once("connect", send);
  socket.once("error", reject);
  socket.once("close", () => reject(new Error(`${host}:${port} closed the connection`)));

  function send(): void {
    const request = next();
    if (request) socket.write(request);
    else {
      resolve();
      socket.destroy();
    }
  }

  function take(chunk: Buffer): void {
    received += chunk.length;
    if (left !== undefined) return skip(chunk.length);
    const all = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const end = all.indexOf(HEAD_END);
    if (end === -1) {
      head = Buffer.from(all);
      return;
    }
    if (all.compare(wanted, 0, wanted.length, 0, wanted.length) !== 0) {
      throw new Error(`Expected ${status}, got: ${all.subarray(0, 500).toString("latin1")}`);
    }
    head = Buffer.alloc(0);
    left = headOnly ? 0 : lengthOf(all.subarray(0, end + 2));
    skip(all.length - end - HEAD_END.length);
  }

  function skip(bytes: number): void {
    left = (left ?? 0) - bytes;
    if (left > 0) return;
    if (left < 0) throw new Error(`${-left} bytes more than Content-Length said`);
    left = undefined;
    answered(received);
    received = 0;
    send();
  }

  return await promise;
}

function lengthOf(head: Buffer): number {
  const match = /\r\ncontent-length: *(\d+)\r\n/i.exec(head.toString("latin1"));
  if (!match) throw new Error(`An answer without Content-Length: ${head.toString("latin1")}`);
  return Number(match[1]);
}
