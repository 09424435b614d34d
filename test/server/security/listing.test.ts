import assert from "node:assert/strict";
import { test } from "node:test";
import type { Descriptor } from "../../../src/spec/descriptor.ts";
import { blob, image, index } from "../../support/content.ts";
import { files, MEDIA, openScene, parsed, putImage, putManifest, type Reply, type Scene } from "./scene.ts";

const NUMBERS = ["-1", "abc", "1e5", "1.5", "0x10", "", "%20", "1%00", "+1", "9".repeat(41), "1&n=2"];
const HUGE = ["1000000000", `${2n ** 63n}`, "9".repeat(40), "00000000000000000001"];

/** A layout writes its index.json anew for each push. */
const TAGS = { layouts: 2000, depot: 10_000 };
const REFERRERS = { layouts: 120, depot: 200 };

function nextOf(reply: Reply): string | undefined {
  return /^<(.*)>; rel="next"$/.exec(String(reply.headers["link"] ?? ""))?.[1];
}

async function pages(scene: Scene, start: string, each?: (reply: Reply) => Promise<void>): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (let target: string | undefined = start; target !== undefined;) {
    const reply: Reply = await scene.ask("GET", target);
    assert.equal(reply.status, 200, target);
    replies.push(reply);
    await each?.(reply);
    target = nextOf(reply);
  }
  return replies;
}

for (const medium of MEDIA) {
  test(`${medium} CVE-2023-2253, B20: a page is bounded, whatever number it is asked for`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    const before = files(scene.root);
    const lists = ["/v2/_catalog", "/v2/a/tags/list", `/v2/a/referrers/${manifest.descriptor.digest}`];
    for (const list of lists) {
      for (const n of NUMBERS) {
        const reply = await scene.ask("GET", `${list}?n=${n}`);
        assert.equal(reply.status, 400, `${list}?n=${n}`);
        assert.ok(reply.bytes.length < 500);
      }
      for (const n of HUGE) assert.equal((await scene.ask("GET", `${list}?n=${n}`)).status, 200, `${list}?n=${n}`);
      assert.equal((await scene.ask("GET", `${list}?last=${"x".repeat(10_000)}`)).status, 400, list);
      for (const last of ["../../x", "%00", "%e2%80%ae", "'; DROP TABLE tag; --", "%25", "\\", "v1%0d%0alink: x"]) {
        const reply = await scene.ask("GET", `${list}?n=1&last=${encodeURI(last)}`);
        assert.ok(reply.status === 200 || reply.status === 400, `${list} ${last}: ${reply.status}`);
      }
    }
    assert.deepEqual(files(scene.root), before);
    assert.deepEqual(parsed(await scene.ask("GET", "/v2/a/tags/list")), { name: "a", tags: ["v1"] });
  });

  test(`${medium} B19: ${TAGS[medium]} tags in pages, none lost and none twice while others come and go`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "zz-last");
    const own = manifest.descriptor.digest;
    const headers = { "content-type": manifest.descriptor.mediaType };
    const tags = Array.from({ length: TAGS[medium] }, (_, at) => `t${String(at).padStart(5, "0")}`);
    for (let at = 0; at < tags.length; at += 100) {
      const query = tags.slice(at, at + 100).map((tag) => `tag=${tag}`);
      const reply = await scene.ask("PUT", `/v2/a/manifests/${own}?${query.join("&")}`, {
        headers,
        body: manifest.bytes,
      });
      assert.equal(reply.status, 201);
    }
    let turn = 0;
    const got: string[] = [];
    const listed = await pages(scene, `/v2/a/tags/list?n=${TAGS[medium] / 10}`, async (reply) => {
      const { tags: page } = parsed<{ tags: string[] }>(reply);
      assert.ok(page.length <= TAGS[medium] / 10);
      got.push(...page);
      // One comes before what was listed, one goes from it, the last of the page goes too.
      await putManifest(scene, "a", manifest, `a-new${turn++}`);
      for (const gone of [page[0], page.at(-1)]) {
        if (gone?.startsWith("t")) assert.equal((await scene.ask("DELETE", `/v2/a/manifests/${gone}`)).status, 202);
      }
    });
    assert.equal(listed.length, 11);
    assert.deepEqual(got, [...tags, "zz-last"]);
    // Two of each whole page were deleted.
    const left = parsed<{ tags: string[] }>(await scene.ask("GET", "/v2/a/tags/list?n=99999999")).tags;
    assert.equal(left.filter((tag) => tag.startsWith("t")).length, TAGS[medium] - 20);
  });

  test(`${medium} B23: many referrers with large annotations come in pages below what clients take; a deleted one goes`, async () => {
    await using scene = await openScene(medium);
    const subject = image("subject").manifest.descriptor;
    const annotations = { "org.example.long": "x".repeat(60_000), "org.example.html": "<script>alert(1)</script>" };
    const all: string[] = [];
    for (let at = 0; at < REFERRERS[medium]; at++) {
      const part = index([], { subject, annotations, artifactType: `application/vnd.n${at % 2}`, n: at });
      all.push(part.descriptor.digest);
      const reply = await putManifest(scene, "a", part, part.descriptor.digest);
      assert.equal(reply.status, 201);
      assert.equal(reply.headers["oci-subject"], subject.digest);
    }
    const list = async (query: string): Promise<Descriptor[]> => {
      const replies = await pages(scene, `/v2/a/referrers/${subject.digest}${query}`);
      for (const reply of replies) assert.ok(reply.bytes.length < 4 * 1024 * 1024);
      assert.ok(replies.length > 1, "more than one page");
      return replies.flatMap((reply) => parsed<{ manifests: Descriptor[] }>(reply).manifests);
    };
    assert.deepEqual(
      (await list("")).map(({ digest }) => digest),
      all.toSorted(),
    );
    const filtered = await list("?artifactType=application/vnd.n1");
    assert.equal(filtered.length, REFERRERS[medium] / 2);
    assert.ok(filtered.every(({ artifactType }) => artifactType === "application/vnd.n1"));
    const [gone] = all;
    assert.equal((await scene.ask("DELETE", `/v2/a/manifests/${gone}`)).status, 202);
    assert.equal(
      (await list("")).some(({ digest }) => digest === gone),
      false,
    );
    const empty = await scene.ask("GET", `/v2/none/referrers/${blob("x").descriptor.digest}`);
    assert.deepEqual(parsed<{ manifests: unknown[] }>(empty).manifests, []);
  });

  test(`${medium} B21: an Accept without the stored type, and one of 100 KB`, async () => {
    await using scene = await openScene(medium);
    const { manifest } = await putImage(scene, "a", "v1");
    for (const accept of ["text/html", "application/vnd.oci.image.index.v1+json", ";;,,q=9", "x/y,".repeat(3000)]) {
      const got = await scene.ask("GET", "/v2/a/manifests/v1", { headers: { accept } });
      assert.equal(got.status, 200);
      assert.deepEqual(got.bytes, Buffer.from(manifest.bytes));
      assert.equal(got.headers["content-type"], manifest.descriptor.mediaType);
    }
    await using wire = await scene.wire();
    wire.write(`GET /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\naccept: ${"x/y,".repeat(25_000)}\r\n\r\n`);
    assert.match(await wire.closed(), /^HTTP\/1\.1 431 /);
  });
}
