import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { compileExpression } from "../../src/policy/expression.ts";
import { decide, type ImageOptions, missing, pushApp, pushIndex, requiring } from "./scene.ts";

async function why(image: ImageOptions, requirement: string): Promise<string | undefined> {
  const store = createMemoryStore();
  const decision = await decide(requiring(requirement), store, await pushApp(store, image));
  return missing(decision)[0];
}

describe("what a policy asks of an image itself", () => {
  test("labels and annotations", async () => {
    const labels = { team: "blue", source: "https://github.com/org/app" };
    assert.equal(await why({ labels }, '- labels: { team: "*", source: "https://github.com/org/*" }'), undefined);
    assert.match((await why({ labels }, "- labels: { team: red }")) ?? "", /the label team=red/);
    assert.match((await why({ labels }, '- labels: { owner: "*" }')) ?? "", /the label owner=\*/);
    assert.match((await why({}, '- labels: { constructor: "*" }')) ?? "", /constructor/);
    assert.equal(await why({ annotations: { a: "b" } }, "- annotations: { match: { a: b } }"), undefined);
    assert.match((await why({}, "- annotations: { match: { a: b } }")) ?? "", /the annotation a=b/);
  });

  test("the base it is built on", async () => {
    const annotations = {
      "org.opencontainers.image.base.name": "docker.io/library/debian:12",
      "org.opencontainers.image.base.digest": `sha256:${"a".repeat(64)}`,
    };
    assert.equal(await why({ annotations }, '- base: { names: ["docker.io/library/debian:*"] }'), undefined);
    assert.equal(await why({ labels: annotations }, '- base: { names: ["docker.io/library/debian:*"] }'), undefined);
    assert.equal(await why({ annotations }, `- base: { digests: ["sha256:${"a".repeat(64)}"] }`), undefined);
    assert.match((await why({ annotations }, `- base: { digests: ["sha256:${"b".repeat(64)}"] }`)) ?? "", /a base of/);
    assert.match(
      (await why({ annotations }, '- base: { names: ["docker.io/library/alpine:*"] }')) ?? "",
      /a base named/,
    );
    assert.match((await why({}, '- base: { names: ["*"] }')) ?? "", /a base named/);
  });

  test("its age and size", async () => {
    assert.equal(await why({}, "- age: { max: 34h }"), undefined);
    assert.match((await why({}, "- age: { max: 32h }")) ?? "", /made since/);
    assert.match((await why({ created: "2026-11-21T00:00:00Z" }, "- age: { max: 34h }")) ?? "", /future/);
    assert.match((await why({ created: "recently" }, "- age: { max: 34h }")) ?? "", /says when it was made/);
    assert.equal(await why({}, "- size: { max: 1KiB }"), undefined);
    assert.match((await why({}, "- size: { max: 100 }")) ?? "", /at most 100 bytes/);
  });

  test("the platforms of an index", async () => {
    const { store, root } = await pushIndex();
    const ask = async (text: string): Promise<string | undefined> =>
      missing(await decide(requiring(`- platforms: ${text}`), store, root))[0];
    assert.equal(await ask("{ include: [linux/amd64, linux/arm64], only: [linux/amd64, linux/arm64] }"), undefined);
    assert.match((await ask("{ include: [linux/amd64, linux/s390x] }")) ?? "", /an image for linux\/s390x/);
    assert.match((await ask("{ only: [linux/amd64] }")) ?? "", /nothing but linux\/amd64/);
  });
});

describe("expressions over images", () => {
  const ask = (image: ImageOptions, where: string): Promise<string | undefined> =>
    why(image, `- expression: { where: '${where}', message: it should }`);

  test("speak of all that is documented", async () => {
    const where = [
      'image.platform.text == "linux/amd64"',
      'image.platform.os == "linux"',
      "image.size < 1000",
      "image.layers.size() == 1",
      'image.labels.team in ["blue", "green"]',
      'image.config.config.User != "root"',
      "index == null",
      "timestamp(image.created) < now",
      'image.digest.startsWith("sha256:")',
      'image.labels.all(key, key.matches("^[a-z]+$"))',
    ].join(" && ");
    assert.equal(await ask({ labels: { team: "blue" }, user: "app" }, where), undefined);
    assert.match((await ask({ labels: { team: "blue" }, user: "root" }, where)) ?? "", /it should/);
  });

  test("a missing field refuses", async () => {
    assert.match((await ask({}, 'image.config.config.User != "root"')) ?? "", /it should/);
    assert.equal(await ask({}, '!has(image.config.config.User) || image.config.config.User != "root"'), undefined);
  });

  test("one that would go on for ever is ended", async () => {
    const list = Array.from({ length: 2000 }, (_, at) => at);
    const nested = await compileExpression("image.all(a, image.all(b, image.all(c, a + b + c >= 0)))", "image");
    const started = performance.now();
    const outcome = nested.evaluate({ image: list });
    assert.ok("problem" in outcome);
    assert.match(outcome.problem, /timed out/);
    assert.ok(performance.now() - started < 30_000);
    const pattern = await compileExpression('image.matches("^(a+)+$")', "image");
    assert.ok("problem" in pattern.evaluate({ image: `${"a".repeat(60)}!` }));
    // The next one is not touched by it.
    assert.deepEqual(pattern.evaluate({ image: "aaa" }), { value: true });
  });

  test("what is in a report is data", async () => {
    const expression = await compileExpression('image.constructor.name == "x" || image.toString != null', "image");
    assert.ok("problem" in expression.evaluate({ image: { a: 1 } }));
    const proto = await compileExpression("has(image.__proto__) || has(image.hasOwnProperty)", "image");
    assert.deepEqual(proto.evaluate({ image: { a: 1 } }), { value: false });
  });
});
