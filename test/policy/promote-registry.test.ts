import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError, OciError } from "../../src/error/oci-error.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Registry } from "../../src/store/store.ts";
import { toArray } from "../support/content.ts";
import { hang } from "./scene.ts";
import { openServed, promote, signed } from "./promote-scene.ts";

/** A registry that refuses one tag. */
function refusing(registry: Registry, tag: string): Registry {
  const denied = new OciError("DENIED", `Nobody moves ${tag}`);
  return {
    ...registry,
    has: (name) => registry.has(name),
    repositories: (options) => registry.repositories(options),
    async repository(name) {
      const store = await registry.repository(name);
      return decorate(store, {
        async push(descriptor, source, options) {
          if (options.tags?.includes(tag)) throw denied;
          return store.push(descriptor, source, options);
        },
        async update(changes, options) {
          if (changes.some((change) => change.tag === tag)) throw denied;
          return store.update(changes, options);
        },
      });
    },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

describe("promoting to a registry that takes one tag at a time", () => {
  test("puts back those that moved when another one fails", async () => {
    await using scope = new AsyncDisposableStack();
    const { store: target } = await openServed(scope, refusing(createMemoryRegistry(), "broken"));
    const { store, subject } = await signed();
    const old = await signed(target, "s390x");
    await target.update([{ tag: "v1", to: old.subject }]);
    const tags = ["v1", "stable", "broken", "new"];
    const failed = promote(store, subject, target, { repository: "prod/app", tags });
    await assert.rejects(failed, (error) => isOciError(error, "DENIED"));
    const now = await toArray(target.tags());
    assert.deepEqual(
      now.map(({ name }) => name),
      ["v1"],
    );
    assert.equal((await target.resolve({ tag: "v1" })).digest, old.subject.digest);
  });

  test("asks little of an image with ten referrers whose content is there", async (t) => {
    await using scope = new AsyncDisposableStack();
    const { store: target, requests, host } = await openServed(scope, createMemoryRegistry());
    const { store, subject } = await signed();
    for (let count = 1; count < 10; count += 1) {
      await hang(store, subject, `{"n":${count}}`, "application/vnd.example.note");
    }
    await promote(store, subject, target, { repository: "prod/app", tags: ["rc"] });
    // As another program would, which knows nothing of what was sent.
    const again = scope.use(await openRemote({ host, repository: "prod/app" }));
    requests.length = 0;
    const { copied } = await promote(store, subject, again, { repository: "prod/app", tags: ["v1"] });
    assert.equal(copied.nodes.push, 0);
    const asked = requests.filter(({ method }) => method !== "HEAD");
    t.diagnostic(asked.map(({ method, target: path }) => `${method} ${path}`).join("\n"));
    t.diagnostic(`${requests.length - asked.length} existence checks`);
    assert.ok(asked.length <= 6, `${asked.length} round trips`);
  });
});
