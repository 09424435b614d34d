import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import type { Bytes } from "../../src/bytes/bytes.ts";
import { Transport } from "../../src/remote/transport.ts";
import { failsWith } from "../contract/context.ts";

const PART = Buffer.alloc(100_000, 7);

interface Line extends AsyncDisposable {
  readonly url: URL;
  readonly sockets: Socket[];
}

/** A server of raw connections. */
async function line(answer: (socket: Socket, number: number) => void): Promise<Line> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    sockets.push(socket);
    answer(socket, sockets.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`),
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function transport(stall = 5000): Transport & Disposable {
  const made = new Transport({ hostname: "127.0.0.1", stall });
  return Object.assign(made, { [Symbol.dispose]: () => made.close() });
}

/** A body without an end that says when it is left. */
function endless(): { readonly bytes: Bytes; readonly left: Promise<void>; taken: number } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const body = { left: promise, taken: 0, bytes: pour() };
  async function* pour(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        body.taken += 1;
        yield PART;
      }
    } finally {
      resolve();
    }
  }
  return body;
}

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

describe("one request on the wire", () => {
  test("that is refused in the middle of its body is answered, and no more of it is read", async () => {
    await using server = await line((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig"));
      // Reads on as a server that is polite.
      socket.resume();
    });
    using wire = transport();
    const body = endless();
    const answer = await wire.request({ method: "PUT", url: server.url, headers: {}, body: body.bytes });
    assert.equal(answer.status, 413);
    assert.equal((await Array.fromAsync(answer.bytes())).join(), "big");
    await body.left;
    // Half a request is on that connection: nothing else may follow there.
    const [first] = server.sockets;
    if (first && !first.closed) await once(first, "close");
  });

  test("whose body cannot be read fails with the source's own error, and is cut off", async () => {
    await using server = await line((socket) => socket.resume());
    using wire = transport();
    async function* broken(): AsyncGenerator<Uint8Array, void, undefined> {
      yield PART;
      throw new RangeError("The file is gone");
    }
    const sent = wire.request({ method: "PUT", url: server.url, headers: {}, body: broken() });
    await assert.rejects(sent, new RangeError("The file is gone"));
    const [first] = server.sockets;
    if (first && !first.closed) await once(first, "close");
  });

  test("that breaks off while its body is sent leaves the body", async () => {
    await using server = await line((socket) => socket.once("data", () => socket.resetAndDestroy()));
    using wire = transport();
    const body = endless();
    await failsWith(wire.request({ method: "PUT", url: server.url, headers: {}, body: body.bytes }), "NETWORK");
    await body.left;
  });

  test("does not run ahead of a server that does not read", async () => {
    await using server = await line((socket) => socket.pause());
    using wire = transport();
    const stop = new AbortController();
    const body = endless();
    const { signal } = stop;
    const sent = wire.request({ method: "PUT", url: server.url, headers: {}, body: body.bytes, signal });
    let before = -1;
    while (before !== body.taken) {
      before = body.taken;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    stop.abort(new Error("Enough of it"));
    await assert.rejects(sent, { message: "Enough of it" });
    // What the system's buffers of both ends hold, and no more than a few chunks beside.
    assert.ok(body.taken * PART.length < 64 * 1024 * 1024, `${body.taken} chunks`);
    await body.left;
  });

  test("that nobody answers is given up, as is an answer without an end", async () => {
    await using silent = await line((socket) => socket.resume());
    await using half = await line((socket) => {
      socket.resume();
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhal");
    });
    using wire = transport(300);
    await failsWith(wire.request({ method: "GET", url: silent.url, headers: {} }), "NETWORK");
    const answer = await wire.request({ method: "GET", url: half.url, headers: {} });
    await failsWith(Array.fromAsync(answer.bytes()), "NETWORK");
  });

  test("of a reader who takes his time is not given up", async () => {
    const long = Buffer.alloc(8_000_000, 1);
    await using server = await line((socket) => {
      socket.resume();
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${long.length}\r\n\r\n`);
      socket.write(long);
    });
    using wire = transport(2000);
    const answer = await wire.request({ method: "GET", url: server.url, headers: {} });
    let got = 0;
    for await (const chunk of answer.bytes()) {
      if (got === 0) await new Promise((resolve) => setTimeout(resolve, 4500));
      got += chunk.length;
    }
    assert.equal(got, long.length);
  });

  test("reads no further ahead than a few buffers, and closes the connection behind a large body", async () => {
    const part = Buffer.alloc(1_000_000, 1);
    let written = 0;
    await using server = await line((socket) => {
      socket.resume();
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${100 * part.length}\r\n\r\n`);
      const more = (): void => {
        if (written >= 100) return;
        written += 1;
        socket.write(part, more);
      };
      more();
    });
    using wire = transport();
    const answer = await wire.request({ method: "GET", url: server.url, headers: {} });
    let got = 0;
    for await (const chunk of answer.bytes()) {
      if (got === 0) {
        let before = -1;
        while (before !== written) {
          before = written;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        // Most of it is in the system's buffers.
        assert.ok(written < 50, `${written} MB`);
      }
      got += chunk.length;
    }
    assert.equal(got, 100 * part.length);
    const [first] = server.sockets;
    if (first && !first.closed) await once(first, "close");
  });

  test("a read on a connection that was closed meanwhile is sent again on another", async () => {
    await using server = await line((socket, number) => {
      let asked = 0;
      socket.on("data", () => {
        asked += 1;
        // The first answers once, and hangs up on the second request as if it had crossed it.
        if (number === 1 && asked > 1) socket.resetAndDestroy();
        else socket.write(OK);
      });
    });
    using wire = transport();
    for (let round = 0; round < 3; round += 1) {
      const answer = await wire.request({ method: "GET", url: server.url, headers: {} });
      assert.equal((await Array.fromAsync(answer.bytes())).join(), "ok");
    }
    assert.equal(server.sockets.length, 2);
  });

  test("leaves nothing behind on a connection that others use after it", async () => {
    await using server = await line((socket) => socket.on("data", () => socket.write(OK)));
    using wire = transport();
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warned);
    try {
      for (let round = 0; round < 30; round += 1) {
        await (await wire.request({ method: "GET", url: server.url, headers: {} })).drain();
      }
      // Told with the next turn.
      await new Promise(setImmediate);
    } finally {
      process.off("warning", warned);
    }
    assert.equal(server.sockets.length, 1);
    assert.deepEqual(warnings, []);
  });

  test("a write is not", async () => {
    await using server = await line((socket, number) => {
      let asked = 0;
      socket.on("data", () => {
        asked += 1;
        if (number === 1 && asked > 1) socket.resetAndDestroy();
        else socket.write(OK);
      });
    });
    using wire = transport();
    await (await wire.request({ method: "GET", url: server.url, headers: {} })).drain();
    await failsWith(wire.request({ method: "POST", url: server.url, headers: {} }), "NETWORK");
    assert.equal(server.sockets.length, 1);
  });

  test("a signal that is aborted already sends nothing", async () => {
    await using server = await line((socket) => socket.end(OK));
    using wire = transport();
    const signal = AbortSignal.abort(new Error("Too late"));
    await assert.rejects(wire.request({ method: "GET", url: server.url, headers: {}, signal }), {
      message: "Too late",
    });
    assert.equal(server.sockets.length, 0);
  });

  test("an answer that switches to another protocol is none", async () => {
    await using server = await line((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"));
    });
    using wire = transport();
    await failsWith(wire.request({ method: "GET", url: server.url, headers: {} }), "NETWORK");
  });
});

test("a proxy that is none is said so without showing it", async () => {
  const env = { HTTPS_PROXY: "socks5://user:secret@proxy.example" };
  const wire = new Transport({ hostname: "registry.example", stall: 1000, env });
  const sent = wire.request({ method: "GET", url: new URL("https://registry.example/v2/"), headers: {} });
  await assert.rejects(
    sent,
    (error) => error instanceof Error && /HTTPS_PROXY/.test(error.message) && !/secret/.test(error.message),
  );
  wire.close();
});
