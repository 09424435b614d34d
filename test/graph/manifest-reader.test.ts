import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { ManifestReader } from "../../src/graph/manifest-reader.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { Limits } from "../../src/spec/limits.ts";
import type { FetchOptions } from "../../src/store/store.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { image, index, piece, pushImage, pushManifest } from "../support/content.ts";

describe("ManifestReader", () => {
  test("reads each manifest once while they fit, and again once they do not", async () => {
    const store = createMemoryStore();
    const small = await pushImage(store, image("small"));
    // Three of these are more than the cache holds.
    const large = ["a", "b", "c"].map((seed) => index([], { annotations: { seed, pad: seed.repeat(2_000_000) } }));
    for (const part of large) await pushManifest(store, part);
    const fetched: string[] = [];
    const reader = new ManifestReader({
      fetch: (descriptor: Descriptor, options?: FetchOptions) => {
        fetched.push(descriptor.digest);
        return store.fetch(descriptor, options);
      },
    });
    await reader.read(small);
    assert.equal((await reader.edges(small)).length, 2);
    assert.deepEqual(fetched, [small.digest]);
    for (const { descriptor } of large) await reader.read(descriptor);
    await reader.read(small);
    assert.equal(fetched.filter((digest) => digest === small.digest).length, 2);
  });

  test("refuses a manifest over the limit before reading any of it", async () => {
    const reader = new ManifestReader({
      fetch: () => {
        throw new Error("It was read");
      },
    });
    const { descriptor } = piece("{}", "application/vnd.oci.image.index.v1+json");
    await assert.rejects(reader.read({ ...descriptor, size: Limits.manifest + 1 }), (error) =>
      isOciError(error, "LIMIT_EXCEEDED"),
    );
  });
});
