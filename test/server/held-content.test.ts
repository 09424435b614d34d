import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFile, chmod, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { ContentCache } from "../../src/server/content-cache.ts";
import { createHandler, type Handler, type HandlerOptions } from "../../src/server/handler.ts";
import { encodedOf } from "../../src/spec/digest.ts";
import { Limits } from "../../src/spec/limits.ts";
import { blob, image, type ImageParts, type Piece } from "../support/content.ts";
import { type Answer, MEDIA, openProbe, putBlob, putImage, putManifest, send, text } from "./probe.ts";

/** Two servers over one folder, as two processes would be: neither learns of the other's work but by looking. */
interface Pair extends AsyncDisposable {
  readonly one: Handler;
  readonly two: Handler;
  path(repository: string, part: Piece): string;
}

async function openPair(options: HandlerOptions = {}): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), "berth-held-"));
  const registries = [await openLayoutFolder(folder), await openLayoutFolder(folder)] as const;
  const [one, two] = [createHandler(registries[0], options), createHandler(registries[1])] as const;
  return {
    one,
    two,
    path: (repository, part) => join(folder, repository, "blobs", "sha256", encodedOf(part.descriptor.digest)),
    async [Symbol.asyncDispose]() {
      for (const handler of [one, two]) await handler[Symbol.asyncDispose]();
      for (const registry of registries) await registry[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function push(handler: Handler, repository: string, tag: string, parts: ImageParts): Promise<void> {
  for (const part of parts.blobs) await pushBlob(handler, repository, part);
  const answer = await send(handler, "PUT", `/v2/${repository}/manifests/${tag}`, {
    body: parts.manifest.bytes,
    headers: { "content-type": parts.manifest.descriptor.mediaType },
  });
  assert.equal(answer.status, 201);
}

async function pushBlob(handler: Handler, repository: string, part: Piece): Promise<void> {
  const target = `/v2/${repository}/blobs/uploads/?digest=${part.descriptor.digest}`;
  assert.equal((await send(handler, "POST", target, { body: part.bytes })).status, 201);
}

/** The targets that answer with a manifest or a blob of an image. */
function targets(
  repository: string,
  tag: string,
  { manifest, blobs }: ImageParts,
): readonly (readonly [string, Piece])[] {
  const base = `/v2/${repository}`;
  return [
    [`${base}/manifests/${tag}`, manifest],
    [`${base}/manifests/${manifest.descriptor.digest}`, manifest],
    ...blobs.map((part) => [`${base}/blobs/${part.descriptor.digest}`, part] as const),
  ];
}

async function statuses(handler: Handler, list: readonly (readonly [string, Piece])[]): Promise<number[]> {
  const found: number[] = [];
  for (const [target] of list) found.push((await send(handler, "GET", target)).status);
  return found;
}

function withoutBody({ headers, status }: Answer): unknown {
  return { headers, status };
}

for (const medium of MEDIA) {
  test(`${medium}: the second answer is the first one, to GET, HEAD, ranges and If-None-Match`, async () => {
    await using probe = await openProbe(medium);
    const list = targets("a", "v1", await putImage(probe, "a", "v1"));
    const ask = async (): Promise<Answer[]> => {
      const answers: Answer[] = [];
      for (const [target, { descriptor }] of list) {
        answers.push(await probe.send("GET", target), await probe.send("HEAD", target));
        for (const headers of [
          { range: "bytes=2-5" },
          { range: "bytes=-3" },
          { range: "bytes=4-", "if-range": `"${descriptor.digest}"` },
          { range: "bytes=4-", "if-range": '"another"' },
          { range: "bytes=100000-" },
          { "if-none-match": `"${descriptor.digest}"` },
        ]) {
          answers.push(await probe.send("GET", target, { headers }));
        }
      }
      return answers;
    };
    const first = await ask();
    assert.deepEqual(await ask(), first);
    for (const [at, [, { bytes, descriptor }]] of list.entries()) {
      const [get, head, ...further] = first.slice(at * 8, at * 8 + 8);
      assert.ok(get && head);
      assert.deepEqual(get.bytes, Buffer.from(bytes));
      assert.deepEqual(withoutBody(head), withoutBody(get));
      assert.equal(head.bytes.length, 0);
      assert.equal(text(get, "docker-content-digest"), descriptor.digest);
      assert.equal(text(get, "content-length"), `${bytes.length}`);
      const blobs = get.headers["content-type"] === "application/octet-stream";
      assert.deepEqual(
        further.map(({ status }) => status),
        blobs ? [206, 206, 206, 200, 416, 304] : [200, 200, 200, 200, 200, 304],
      );
      if (blobs) assert.deepEqual(further[0]?.bytes, Buffer.from(bytes.subarray(2, 6)));
    }
  });

  test(`${medium}: what was deleted is gone at once, here alone, and a push brings it back`, async () => {
    await using probe = await openProbe(medium);
    const parts = image("shared");
    const list = targets("a", "v1", parts);
    const others = targets("b", "v1", parts);
    await putImage(probe, "a", "v1", parts);
    await putImage(probe, "b", "v1", parts);
    assert.deepEqual(await statuses(probe.handler, [...list, ...others]), [200, 200, 200, 200, 200, 200, 200, 200]);
    for (const [target] of list.slice(1)) assert.equal((await probe.send("DELETE", target)).status, 202);
    assert.deepEqual(await statuses(probe.handler, list), [404, 404, 404, 404]);
    for (const [target] of list) assert.equal((await probe.send("HEAD", target)).status, 404);
    assert.deepEqual(await statuses(probe.handler, others), [200, 200, 200, 200]);
    // A manifest's bytes as a blob make no manifest of it again.
    await putBlob(probe, "a", parts.manifest);
    assert.deepEqual(await statuses(probe.handler, list.slice(0, 1)), [404]);
    await putImage(probe, "a", "v1", parts);
    assert.deepEqual(await statuses(probe.handler, list), [200, 200, 200, 200]);
  });

  test(`${medium}: a digest is readable only where it was pushed, whatever is in memory`, async () => {
    await using probe = await openProbe(medium);
    const parts = await putImage(probe, "secret", "v1");
    await putImage(probe, "open", "v1", image("other"));
    await statuses(probe.handler, targets("secret", "v1", parts));
    assert.deepEqual(await statuses(probe.handler, targets("open", "v2", parts)), [404, 404, 404, 404]);
    assert.deepEqual(await statuses(probe.handler, targets("none", "v1", parts)), [404, 404, 404, 404]);
  });

  test(`${medium}: a tag that moved shows the new manifest, and the old one by its digest`, async () => {
    await using probe = await openProbe(medium);
    const first = await putImage(probe, "a", "v1");
    await probe.send("GET", "/v2/a/manifests/v1");
    const second = await putImage(probe, "a", "v2");
    await putManifest(probe, "a", second.manifest, "v1");
    assert.deepEqual((await probe.send("GET", "/v2/a/manifests/v1")).bytes, Buffer.from(second.manifest.bytes));
    const old = await probe.send("GET", `/v2/a/manifests/${first.manifest.descriptor.digest}`);
    assert.deepEqual(old.bytes, Buffer.from(first.manifest.bytes));
  });
}

test("every answer asks authorize, also what is in memory", async () => {
  let verdict: "allow" | "deny" | "hide" = "allow";
  const asked: string[] = [];
  await using probe = await openProbe("layouts", {
    authorize: (_who, { action, tag }) => (asked.push(`${action} ${tag ?? ""}`.trim()), verdict),
  });
  const list = targets("a", "v1", await putImage(probe, "a", "v1"));
  assert.deepEqual(await statuses(probe.handler, list), [200, 200, 200, 200]);
  asked.length = 0;
  verdict = "hide";
  assert.deepEqual(await statuses(probe.handler, list), [404, 404, 404, 404]);
  assert.deepEqual(asked, ["pull v1", "pull", "pull", "pull"]);
  verdict = "deny";
  assert.deepEqual(await statuses(probe.handler, list), [401, 401, 401, 401]);
});

test("what another process deletes is gone here too, and what it pushes again is back", async () => {
  await using pair = await openPair();
  const parts = image("two");
  const list = targets("a", "v1", parts);
  await push(pair.one, "a", "v1", parts);
  assert.deepEqual(await statuses(pair.one, list), [200, 200, 200, 200]);
  for (const [target] of list.slice(1)) assert.equal((await send(pair.two, "DELETE", target)).status, 202);
  assert.deepEqual(await statuses(pair.one, list), [404, 404, 404, 404]);
  await push(pair.two, "a", "v1", parts);
  assert.deepEqual(await statuses(pair.one, list), [200, 200, 200, 200]);
});

test("a file that is cut short, grown or gone is an error or not there, also from memory; a push repairs it", async () => {
  await using pair = await openPair();
  const parts = image("hurt");
  const list = targets("a", "v1", parts);
  const restore = (): Promise<void> => push(pair.one, "a", "v1", parts);
  await restore();
  for (const harm of [
    (path: string) => truncate(path, 3),
    (path: string) => appendFile(path, "more"),
    (path: string) => truncate(path, 0),
  ]) {
    assert.deepEqual(await statuses(pair.one, list), [200, 200, 200, 200]);
    for (const part of [parts.manifest, ...parts.blobs]) {
      await chmod(pair.path("a", part), 0o644);
      await harm(pair.path("a", part));
    }
    const found = await Promise.all(list.map(([target]) => send(pair.one, "GET", target)));
    assert.deepEqual(
      found.map(({ status }) => status),
      [500, 500, 500, 500],
    );
    assert.ok(found.every(({ bytes }) => !bytes.includes("layer of")));
    await restore();
  }
  await rm(pair.path("a", parts.manifest));
  for (const part of parts.blobs) await rename(pair.path("a", part), `${pair.path("a", part)}.away`);
  assert.deepEqual(await statuses(pair.one, list), [404, 404, 404, 404]);
});

test("flipped bits of a small file are never kept in memory, and never served by a fresh server", async () => {
  await using pair = await openPair();
  const parts = image("flip");
  const list = targets("a", "v1", parts);
  await push(pair.one, "a", "v1", parts);
  for (const part of [parts.manifest, ...parts.blobs]) {
    await chmod(pair.path("a", part), 0o644);
    await writeFile(pair.path("a", part), Buffer.alloc(part.bytes.length, "x"));
  }
  assert.deepEqual(await statuses(pair.two, list), [500, 500, 500, 500]);
  await push(pair.one, "a", "v1", parts);
  assert.deepEqual(await statuses(pair.two, list), [200, 200, 200, 200]);
});

test("64 readers during deletes and pushes see all of it or nothing", async () => {
  await using pair = await openPair();
  const parts = image("busy");
  const list = targets("a", "v1", parts);
  await push(pair.one, "a", "v1", parts);
  let going = true;
  const seen = new Set<number>();
  const read = async (target: string, part: Piece): Promise<void> => {
    while (going) {
      const answer = await send(pair.one, "GET", target);
      seen.add(answer.status);
      if (answer.status === 200) assert.deepEqual(answer.bytes, Buffer.from(part.bytes));
      else assert.equal(answer.status, 404, `${target} ${answer.bytes.toString()}`);
      await new Promise(setImmediate);
    }
  };
  const readers = Array.from({ length: 64 }, (_, at) => read(...(list[at % list.length] ?? assert.fail())));
  try {
    for (let round = 0; round < 10; round += 1) {
      for (const [target] of list.slice(1)) await send(round % 2 ? pair.one : pair.two, "DELETE", target);
      await push(round % 3 ? pair.one : pair.two, "a", "v1", parts);
    }
  } finally {
    going = false;
  }
  await Promise.all(readers);
  assert.deepEqual([...seen].toSorted(), [200, 404]);
});

test("memory is bounded: the least recently used goes, and nothing large comes in", () => {
  const cache = new ContentCache(10_000);
  const pieces = Array.from({ length: 20 }, () => blob(randomBytes(1000)));
  for (const { descriptor, bytes } of pieces) {
    cache.put(descriptor.digest, bytes);
    assert.ok(cache.size <= 10_000);
    const first = pieces[0];
    assert.equal(cache.get(first?.descriptor.digest ?? assert.fail(), 1000), first?.bytes);
  }
  const held = pieces.filter(({ descriptor }) => cache.get(descriptor.digest, 1000) !== undefined);
  assert.equal(held.length, 10);
  const [, second] = pieces;
  assert.equal(cache.get(second?.descriptor.digest ?? assert.fail(), 1000), undefined);
  const [one] = held;
  assert.ok(one);
  assert.equal(cache.get(one.descriptor.digest, 999), undefined);
  cache.put(one.descriptor.digest, one.bytes);
  assert.equal(cache.size, 10_000);
  const large = blob(Buffer.alloc(Limits.contentCacheEntry + 1));
  cache.put(large.descriptor.digest, large.bytes);
  assert.equal(cache.get(large.descriptor.digest, large.bytes.length), undefined);
  assert.equal(cache.size, 10_000);
});
