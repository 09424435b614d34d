import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError, OciError } from "../../src/error/oci-error.ts";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { createMemoryRegistry, createMemoryStore } from "../../src/memory/memory.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Registry } from "../../src/store/store.ts";
import { toArray } from "../support/content.ts";
import { hang } from "./scene.ts";
import { openServed, promote, signed, undo } from "./promote-scene.ts";

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

  test("keeps the record where a tag cannot be put back, so that it can be undone later", async () => {
    let locked = true;
    const inner = createMemoryStore();
    const { store, subject } = await signed();
    const old = await signed(inner, "s390x");
    await inner.update([{ tag: "v1", to: old.subject }]);
    const target = decorate(inner, {
      location: { medium: "registry", origin: "http://localhost", repository: "prod/app" },
      async update(changes, options) {
        const denied = changes.some(({ tag, to }) => tag === "stable" || to?.digest === old.subject.digest);
        if (locked && denied) throw new OciError("DENIED", "The registry is being mended");
        return inner.update(changes, options);
      },
    });
    await assert.rejects(promote(store, subject, target), (error) => isOciError(error, "PARTIAL"));
    assert.equal((await target.resolve({ tag: "v1" })).digest, subject.digest);
    locked = false;
    const prepared = await undo(target, subject);
    assert.deepEqual(prepared.left, ["stable"]);
    await prepared.run();
    assert.equal((await target.resolve({ tag: "v1" })).digest, old.subject.digest);
  });

  test("puts a tag back whose former manifest went with it, and takes away one where no tags are deleted", async () => {
    const inner = createMemoryStore();
    const { store, subject } = await signed();
    const old = await signed(inner, "s390x");
    await inner.update([{ tag: "v1", to: old.subject }]);
    const target = decorate(inner, {
      location: { medium: "registry", origin: "http://localhost", repository: "prod/app" },
      async update(changes, options) {
        for (const { tag, to } of changes) {
          if (tag === "broken") throw new OciError("DENIED", "Nobody moves broken");
          if (to === null) throw new OciError("UNSUPPORTED", "No tags are deleted here");
          if (to.data !== undefined && !(await inner.exists(to))) {
            const bytes = Buffer.from(to.data, "base64");
            await inner.push(to, () => fromBuffer(bytes), { kind: "manifest" });
          }
        }
        const moved = await inner.update(changes, options);
        const tagged = new Set((await toArray(inner.tags())).map(({ descriptor }) => descriptor?.digest));
        if (!tagged.has(old.subject.digest))
          await inner.delete?.(old.subject, { kind: "manifest" }).catch(() => undefined);
        return moved;
      },
    });
    const tags = ["v1", "stable", "broken"];
    const failed = promote(store, subject, target, { repository: "prod/app", tags });
    await assert.rejects(failed, (error) => isOciError(error, "DENIED"));
    assert.equal((await target.resolve({ tag: "v1" })).digest, old.subject.digest);
    assert.deepEqual(
      (await toArray(target.tags())).map(({ name }) => name),
      ["v1"],
    );
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
