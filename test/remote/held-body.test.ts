import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { layerTar } from "../../src/store/layer-tar.ts";
import { blob } from "../support/content.ts";
import { reply, scripted, storeOn } from "./scripted.ts";

test("a body waits whole for a reader who is busy", async () => {
  const content = randomBytes(1_000_000);
  const { bytes, descriptor } = blob(zstdCompressSync(content));
  const layer = { ...descriptor, mediaType: "application/vnd.oci.image.layer.v1.tar+zstd" };
  await using server = await scripted((_, response) =>
    reply(response, 200, { "content-length": `${bytes.length}` }, bytes),
  );
  for (let round = 0; round < 20; round += 1) {
    await using store = await storeOn(server, { retries: 0 });
    // Decoded on a thread, whose pace is another than that of the connection.
    assert.deepEqual(Buffer.concat(await Array.fromAsync(layerTar(store, layer, {}))), content);
  }
});
