import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openRemoteRegistry } from "../../src/remote/open-remote.ts";
import { failsWith } from "../contract/context.ts";
import { toArray } from "../support/content.ts";
import { complaint, reply, type Script, scripted, type ScriptOptions, storeOn } from "./scripted.ts";

async function tagsFrom(
  script: Script,
  page: { after?: string; limit?: number } = {},
  options?: ScriptOptions,
): Promise<string[]> {
  await using server = await scripted(script, options);
  await using store = await storeOn(server);
  return (await toArray(store.tags(page))).map((tag) => tag.name);
}

function list(tags: unknown): string {
  return JSON.stringify({ name: "team/app", tags });
}

describe("tags", () => {
  test("come page by page, by relative and absolute links", async () => {
    await using server = await scripted((request, response) => {
      const last = new URL(request.url, "http://x").searchParams.get("last");
      if (last === null)
        reply(response, 200, { link: '</v2/team/app/tags/list?n=2&last=b>; rel="next"' }, list(["a", "b"]));
      else if (last === "b")
        reply(
          response,
          200,
          { link: `<${server.origin}/v2/team/app/tags/list?n=2&last=d>; rel="next"` },
          list(["c", "d"]),
        );
      else reply(response, 200, {}, list(["e"]));
    });
    await using store = await storeOn(server);
    assert.deepEqual(
      (await toArray(store.tags())).map((tag) => tag.name),
      ["a", "b", "c", "d", "e"],
    );
    assert.deepEqual(
      (await toArray(store.tags({ limit: 1 }))).map((tag) => tag.name),
      ["a"],
    );
    assert.equal(server.lines.at(-1), "GET /v2/team/app/tags/list?n=1");
  });

  test("of a registry that ignores paging are cut here", async () => {
    const everything: Script = (_, response) => reply(response, 200, {}, list(["c", "a", "b", "a", "no tag", ".x", 7]));
    assert.deepEqual(await tagsFrom(everything), ["a", "b", "c"]);
    assert.deepEqual(await tagsFrom(everything, { after: "a", limit: 1 }), ["b"]);
  });

  test("null is an empty list", async () => {
    assert.deepEqual(await tagsFrom((_, response) => reply(response, 200, {}, list(null))), []);
  });

  test("links in a circle, to itself, and to another host end in an error", async () => {
    for (const link of ["/v2/team/app/tags/list?n=1000", "https://evil.example/v2/team/app/tags/list", "http://["]) {
      await failsWith(
        tagsFrom((_, response) => reply(response, 200, { link: `<${link}>; rel="next"` }, list(["a"]))),
        "PROTOCOL",
      );
    }
    let round = 0;
    const circle: Script = (_, response) =>
      reply(response, 200, { link: `</v2/team/app/tags/list?page=${(round += 1) % 3}>; rel="next"` }, list(["a"]));
    await failsWith(tagsFrom(circle), "PROTOCOL");
  });

  test("an unknown repository, a page of HTML, JSON too deep or too odd", async () => {
    await failsWith(
      tagsFrom((_, response) => reply(response, 404, {}, complaint("NAME_UNKNOWN"))),
      "NAME_UNKNOWN",
    );
    for (const body of ["<html>", "[".repeat(100_000), '{"tags":{}}', "[]", '{"tags":[],"tags":["a"]}', ""]) {
      await failsWith(
        tagsFrom((_, response) => reply(response, 200, {}, body)),
        "PROTOCOL",
      );
    }
  });
});

describe("a registry", () => {
  test("lists its repositories by prefix and knows which it has", async () => {
    await using server = await scripted((request, response) => {
      if (request.url.startsWith("/v2/_catalog"))
        reply(response, 200, {}, JSON.stringify({ repositories: ["b/x", "a/y", "a/x", "B"] }));
      else reply(response, request.url.startsWith("/v2/a/x/") ? 200 : 404);
    });
    await using registry = await openRemoteRegistry({ host: server.host });
    assert.deepEqual(await toArray(registry.repositories()), ["a/x", "a/y", "b/x"]);
    assert.deepEqual(await toArray(registry.repositories({ prefix: "a/", after: "a/x" })), ["a/y"]);
    assert.equal(await registry.has("a/x"), true);
    assert.equal(await registry.has("a/z"), false);
    await failsWith(registry.repository("A/../b"), "NAME_INVALID");
  });

  test("without a catalog says that it cannot", async () => {
    await using server = await scripted((_, response) => reply(response, 404));
    await using registry = await openRemoteRegistry({ host: server.host });
    await failsWith(toArray(registry.repositories()), "UNSUPPORTED");
  });
});
