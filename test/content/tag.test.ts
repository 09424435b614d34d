import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { moveTag } from "../../src/content/move-tag.ts";
import { removeTag } from "../../src/store/remove-tag.ts";
import { isOciError, OciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Digest } from "../../src/spec/digest.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Store } from "../../src/store/store.ts";
import { image, pushImage, toArray } from "../support/content.ts";

const OTHER = `sha256:${"0".repeat(64)}` as Digest;

const refused = (what: string): OciError => new OciError("UNSUPPORTED", `No ${what} here`);

/** A store that deletes no tags, as registries may, and perhaps no manifests either. */
function withoutTagDelete(inner: Store, deletes: "manifests" | "nothing" | "once"): Store {
  let left = deletes === "manifests" ? Number.POSITIVE_INFINITY : deletes === "once" ? 1 : 0;
  return decorate(inner, {
    async update(changes, options) {
      if (changes.some(({ to }) => to === null)) throw refused("tag delete");
      return inner.update(changes, options);
    },
    async delete(descriptor, options) {
      if (options.kind === "manifest" && (left -= 1) < 0) throw refused("manifest delete");
      await inner.delete?.(descriptor, options);
    },
  });
}

async function tagsOf(store: Store): Promise<Record<string, string | undefined>> {
  return Object.fromEntries((await toArray(store.tags())).map(({ name, descriptor }) => [name, descriptor?.digest]));
}

describe("removing a tag", () => {
  test("leaves its manifest and its other tags", async () => {
    await using store = createMemoryStore();
    const { digest } = await pushImage(store, image("a"), ["v1", "v2"]);
    assert.deepEqual(await removeTag(store, "v1"), { tag: "v1", digest, way: "deleted" });
    assert.deepEqual(await tagsOf(store), { v2: digest });
  });

  test("moves it to a manifest of its own where only manifests can be deleted", async () => {
    await using inner = createMemoryStore();
    const { digest } = await pushImage(inner, image("a"), ["v1", "v2"]);
    const store = withoutTagDelete(inner, "manifests");
    assert.deepEqual(await removeTag(store, "v1"), { tag: "v1", digest, way: "replaced" });
    assert.deepEqual(await tagsOf(inner), { v2: digest });
    assert.equal((await inner.resolve({ digest })).digest, digest);
  });

  test("compares first, and touches nothing where it is not what was expected", async () => {
    await using inner = createMemoryStore();
    const { digest } = await pushImage(inner, image("a"), ["v1"]);
    for (const store of [inner, withoutTagDelete(inner, "manifests")]) {
      await assert.rejects(removeTag(store, "v1", { expect: OTHER }), (error) => isOciError(error, "CONFLICT"));
    }
    assert.deepEqual(await tagsOf(inner), { v1: digest });
  });

  for (const deletes of ["nothing", "once"] as const) {
    test(`leaves the tag where it was when the registry deletes ${deletes}`, async () => {
      await using inner = createMemoryStore();
      const { digest } = await pushImage(inner, image("a"), ["v1"]);
      const store = withoutTagDelete(inner, deletes);
      await assert.rejects(removeTag(store, "v1"), (error) => isOciError(error, "UNSUPPORTED"));
      assert.deepEqual(await tagsOf(inner), { v1: digest });
    });
  }

  test("of a name that is not there is an error", async () => {
    await using store = createMemoryStore();
    await assert.rejects(removeTag(store, "v1"), (error) => isOciError(error, "MANIFEST_UNKNOWN"));
  });
});

describe("moving a tag", () => {
  test("takes the old name away and moves a new one that is there", async () => {
    await using store = createMemoryStore();
    const { digest } = await pushImage(store, image("a"), ["v1"]);
    await pushImage(store, image("b"), ["v2"]);
    assert.deepEqual(await moveTag(store, { from: "v1", to: "v2" }), { from: "v1", to: "v2", digest });
    assert.deepEqual(await tagsOf(store), { v2: digest });
    await moveTag(store, { from: "v2", to: "v2" });
    assert.deepEqual(await tagsOf(store), { v2: digest });
  });

  test("in a registry that cannot let go of the old name leaves both as they were", async () => {
    await using inner = createMemoryStore();
    const first = await pushImage(inner, image("a"), ["v1"]);
    const second = await pushImage(inner, image("b"), ["v2"]);
    const location = { medium: "registry", origin: "http://127.0.0.1:1", repository: "a" } as const;
    const store = { ...withoutTagDelete(inner, "nothing"), location };
    await assert.rejects(moveTag(store, { from: "v1", to: "v2" }), (error) => isOciError(error, "UNSUPPORTED"));
    assert.deepEqual(await tagsOf(inner), { v1: first.digest, v2: second.digest });
    await moveTag({ ...withoutTagDelete(inner, "manifests"), location }, { from: "v1", to: "v3" });
    assert.deepEqual(await tagsOf(inner), { v2: second.digest, v3: first.digest });
  });
});
