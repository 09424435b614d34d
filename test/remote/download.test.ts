import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { failsWith } from "../contract/context.ts";
import { blob, image, readAll } from "../support/content.ts";
import { reply, type Script, scripted, storeOn } from "./scripted.ts";

/** Bytes that are nowhere the same: what lands in the wrong place shows. */
function numbered(length: number): Buffer {
  return Buffer.from(Uint32Array.from({ length: length / 4 }, (_, at) => at * 2_654_435_761).buffer);
}

/** Sends for as long as anybody reads. */
function pour(response: ServerResponse, bytes: Buffer): void {
  while (response.writable && response.write(bytes));
  if (response.writable) response.once("drain", () => pour(response, bytes));
}

// The second is read past the HTTP parser, unless it is encrypted.
for (const [size, CONTENT] of [
  ["small", numbered(200_000)],
  ["large", numbered(3_000_000)],
] as const) {
  const BLOB = blob(CONTENT);
  const PART = CONTENT.length / 4;

  async function fetchFrom(script: Script, options: Parameters<typeof storeOn>[1] = {}): Promise<Buffer> {
    await using server = await scripted(script);
    await using store = await storeOn(server, options);
    return await readAll(store.fetch(BLOB.descriptor, { kind: "blob" }));
  }

  describe(`a ${size} blob from a hostile registry`, () => {
    test("wrong bytes of the right length", async () => {
      const wrong = Buffer.from(CONTENT);
      wrong[777] = 0x21;
      await failsWith(
        fetchFrom((_, response) => reply(response, 200, { "content-length": `${wrong.length}` }, wrong)),
        "DIGEST_INVALID",
      );
    });

    test("too little, with a length that says so", async () => {
      await failsWith(
        fetchFrom((_, response) => reply(response, 200, { "content-length": "10" }, CONTENT.subarray(0, 10))),
        "SIZE_INVALID",
      );
    });

    test("too little, without a length", async () => {
      await failsWith(
        fetchFrom((_, response) => {
          response.writeHead(200);
          response.write(CONTENT.subarray(0, 5000));
          response.end();
        }),
        "SIZE_INVALID",
      );
    });

    test("an endless body is left at the first byte too many", async () => {
      const endless: Script = (_, response) => {
        response.writeHead(200);
        pour(response, CONTENT);
      };
      await failsWith(fetchFrom(endless), "SIZE_INVALID");
    });

    test("a content encoding that nobody asked for", async () => {
      await failsWith(
        fetchFrom((_, response) => reply(response, 200, { "content-encoding": "gzip, gzip" }, CONTENT)),
        "PROTOCOL",
      );
    });

    test("a connection reset again and again in the middle is taken up by ranges", async () => {
      const ranges: (string | undefined)[] = [];
      const got = await fetchFrom(
        (request, response) => {
          ranges.push(request.headers.range);
          const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
          response.writeHead(start > 0 ? 206 : 200, {
            "content-length": CONTENT.length - start,
            ...(start > 0 ? { "content-range": `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` } : {}),
          });
          const part = CONTENT.subarray(start, start + PART);
          response.write(part, () => {
            if (start + part.length < CONTENT.length) response.destroy();
            else response.end();
          });
        },
        { retries: 3 },
      );
      assert.deepEqual(got, CONTENT);
      assert.ok(ranges.length > 1 && ranges.slice(1).every((range) => range !== undefined));
    });

    test("a server that ignores ranges is read from the start again, and the hash is right", async () => {
      const got = await fetchFrom((_, response, number) => {
        response.writeHead(200, { "content-length": CONTENT.length });
        if (number === 1) response.write(CONTENT.subarray(0, PART), () => response.destroy());
        else response.end(CONTENT);
      });
      assert.deepEqual(got, CONTENT);
    });

    test("a range other than the one asked for is refused", async () => {
      await failsWith(
        fetchFrom((_, response, number) => {
          if (number === 1) {
            response.writeHead(200, { "content-length": CONTENT.length });
            response.write(CONTENT.subarray(0, PART), () => response.destroy());
          } else
            reply(
              response,
              206,
              { "content-range": `bytes 7-${CONTENT.length - 1}/${CONTENT.length}` },
              CONTENT.subarray(7),
            );
        }),
        "PROTOCOL",
      );
    });

    test("a body that stalls is given up", async () => {
      await failsWith(
        fetchFrom(
          (_, response) => {
            response.writeHead(200, { "content-length": CONTENT.length });
            response.write(CONTENT.subarray(0, 5));
          },
          { stall: 300, retries: 0 },
        ),
        "NETWORK",
      );
    });

    test("an aborted signal ends a waiting download with its own reason", async () => {
      const stop = new AbortController();
      await using server = await scripted((_, response) => {
        response.writeHead(200, { "content-length": CONTENT.length });
        response.write(CONTENT.subarray(0, 5));
        setImmediate(() => stop.abort(new Error("Enough of it")));
      });
      await using store = await storeOn(server);
      const reading = readAll(store.fetch(BLOB.descriptor, { kind: "blob", signal: stop.signal }));
      await assert.rejects(reading, { message: "Enough of it" });
    });

    test("bytes that are no HTTP", async () => {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => undefined);
        socket.end("SSH-2.0-OpenSSH_9.2\r\n\r\n");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        await using store = await storeOn({ host });
        await failsWith(store.resolve({ tag: "v1" }), "PROTOCOL");
      } finally {
        for (const socket of sockets) socket.destroy();
        server.close();
      }
    });
  });
}

describe("a manifest from a hostile registry", () => {
  const { manifest } = image("asked for");
  const other = image("given").manifest;
  const type = manifest.descriptor.mediaType;

  async function fetchManifest(headers: Record<string, string>, body: Uint8Array): Promise<Buffer> {
    await using server = await scripted((_, response) =>
      reply(response, 200, { "content-type": type, ...headers }, body),
    );
    await using store = await storeOn(server);
    return await readAll(store.fetch(manifest.descriptor));
  }

  test("another manifest than the pinned one, whatever the header says", async () => {
    for (const digest of [manifest.descriptor.digest, other.descriptor.digest]) {
      await failsWith(fetchManifest({ "docker-content-digest": digest }, other.bytes), "DIGEST_INVALID");
    }
    await failsWith(fetchManifest({}, other.bytes), "DIGEST_INVALID");
  });

  test("the right bytes under a header that lies", async () => {
    await failsWith(
      fetchManifest({ "docker-content-digest": other.descriptor.digest }, manifest.bytes),
      "DIGEST_INVALID",
    );
    assert.deepEqual(await fetchManifest({}, manifest.bytes), Buffer.from(manifest.bytes));
  });

  test("a tag is what its bytes are where HEAD does not tell", async () => {
    await using server = await scripted((request, response) => {
      if (request.method === "HEAD") reply(response, 405);
      else reply(response, 200, { "content-type": "application/json; charset=utf-8" }, manifest.bytes);
    });
    await using store = await storeOn(server);
    assert.deepEqual(await store.resolve({ tag: "v1" }), manifest.descriptor);
  });

  test("another manifest than the pinned one, where HEAD does not tell", async () => {
    await using server = await scripted((request, response) => {
      if (request.method === "HEAD") reply(response, 405);
      else reply(response, 200, { "content-type": type }, other.bytes);
    });
    await using store = await storeOn(server);
    await failsWith(store.resolve({ digest: manifest.descriptor.digest }), "DIGEST_INVALID");
  });

  test("HEAD that lies about a pinned digest", async () => {
    await using server = await scripted((_, response) =>
      reply(response, 200, {
        "content-type": type,
        "content-length": "5",
        "docker-content-digest": other.descriptor.digest,
      }),
    );
    await using store = await storeOn(server);
    await failsWith(store.resolve({ digest: manifest.descriptor.digest }), "DIGEST_INVALID");
  });

  test("an endless manifest, an endless error", async () => {
    const flood: Script = (request, response) => {
      response.writeHead(request.method === "DELETE" ? 404 : 200, { "content-type": type });
      pour(response, numbered(200_000));
    };
    await using server = await scripted(flood);
    await using store = await storeOn(server);
    await failsWith(readAll(store.fetch(manifest.descriptor)), "LIMIT_EXCEEDED");
    assert.ok(store.delete);
    await failsWith(store.delete(blob("any").descriptor, { kind: "blob" }), "BLOB_UNKNOWN");
  });

  test("a manifest promised larger than the limit is not asked for", async () => {
    await using server = await scripted((_, response) => reply(response, 200));
    await using store = await storeOn(server);
    await failsWith(readAll(store.fetch({ ...manifest.descriptor, size: 4 * 1024 * 1024 + 1 })), "LIMIT_EXCEEDED");
    assert.deepEqual(server.lines, []);
  });

  test("an error page with terminal escapes becomes one printable line", async () => {
    await using server = await scripted((_, response) =>
      reply(response, 403, {}, JSON.stringify({ errors: [{ code: "DENIED", message: "no\u001b[31m\n\u202eway" }] })),
    );
    await using store = await storeOn(server);
    await assert.rejects(store.resolve({ tag: "v1" }), (error: Error) => {
      assert.match(error.message, /status 403/);
      assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}]/u);
      return true;
    });
  });
});
