import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { signManifests } from "../../src/sign/sign.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Store } from "../../src/store/store.ts";
import { ann, bob, hang, pushApp, pushIndex } from "../policy/scene.ts";
import { pushImage, image } from "../support/content.ts";
import { AS_PUSHER, type GateScene, KINDS, openGateScene, type Seen } from "./gate-scene.ts";

const MISSING = `sha256:${"0".repeat(64)}`;

async function sign(target: Store, descriptor: Descriptor, by: typeof ann = ann, tag = false): Promise<void> {
  await signManifests({
    subjects: [{ target, descriptor }],
    signer: by.signer,
    ...(tag ? { storage: "tag" as const } : {}),
  });
}

/** The same answer, but for what was asked for. */
function sameAs(seen: Seen, missing: Seen, asked: string, other: string): void {
  assert.deepEqual({ ...seen, text: seen.text.replaceAll(asked, other) }, missing);
  assert.equal(seen.status, 404);
}

/** Everything by which an image could be seen tells what is told of one that is not there. */
async function assertHidden(scene: GateScene, tag: string, { digest }: Descriptor): Promise<void> {
  const { get, repository } = scene;
  for (const method of ["GET", "HEAD"]) {
    for (const headers of [{}, { range: "bytes=0-9" }, { "if-none-match": `"${digest}"` }, { "if-none-match": "*" }]) {
      const ask = (path: string): Promise<Seen> => get(path, { method, headers });
      sameAs(await ask(`${repository}/manifests/${tag}`), await ask(`${repository}/manifests/absent`), "", "");
      sameAs(
        await ask(`${repository}/manifests/${digest}`),
        await ask(`${repository}/manifests/${MISSING}`),
        digest,
        MISSING,
      );
      sameAs(await ask(`${repository}/blobs/${digest}`), await ask(`${repository}/blobs/${MISSING}`), digest, MISSING);
    }
  }
  for (const path of ["referrers/", "_oras/artifacts/referrers?digest="]) {
    const [hidden, missing] = await Promise.all([digest, MISSING].map((each) => get(`${repository}/${path}${each}`)));
    assert.deepEqual(hidden, missing);
  }
  const { text } = await get(`${repository}/tags/list`);
  assert.ok(!text.includes(`"${tag}"`), text);
}

for (const kind of KINDS) {
  describe(`quarantine over a ${kind}`, () => {
    test("what is not signed is not there for pullers, and all there for pushers", async () => {
      await using scene = await openGateScene({ kind });
      const { pusher, puller, get, repository } = scene;
      const app = await pushApp(pusher, {}, ["v1"]);
      await hang(pusher, app, "{}", "application/spdx+json");
      await assertHidden(scene, "v1", app);
      assert.deepEqual(JSON.parse((await get("_catalog")).text), { repositories: [] });
      const nobody = repository.replace("app", "ape");
      for (const path of ["tags/list", "manifests/v1", `manifests/${app.digest}`, `blobs/${MISSING}`]) {
        sameAs(await get(`${repository}/${path}`), await get(`${nobody}/${path}`), repository, nobody);
      }
      await assert.rejects(puller.resolve({ tag: "v1" }), { code: "MANIFEST_UNKNOWN" });

      assert.equal((await pusher.resolve({ tag: "v1" })).digest, app.digest);
      assert.equal((await Array.fromAsync(pusher.referrers(app))).length, 1);
      const whole = await get("_catalog", { headers: AS_PUSHER });
      assert.deepEqual(JSON.parse(whole.text), { repositories: [repository] });
      const hidden = await scene.event("hidden");
      assert.deepEqual([hidden.digest, hidden.tags, hidden.rule], [app.digest, ["v1"], "all"]);
      assert.match(hidden.reason ?? "", /rule all is not met: signature/);
    });

    test("the missing signature releases it at once, and its removal hides it again", async () => {
      await using scene = await openGateScene({ kind });
      const { pusher, puller, get, repository } = scene;
      const app = await pushApp(pusher, {}, ["v1"]);
      await sign(pusher, app, bob);
      await assertHidden(scene, "v1", app);
      await sign(pusher, app);
      assert.equal((await puller.resolve({ tag: "v1" })).digest, app.digest);
      assert.deepEqual(JSON.parse((await get(`${repository}/tags/list`)).text), { name: repository, tags: ["v1"] });
      assert.deepEqual(JSON.parse((await get("_catalog")).text), { repositories: [repository] });
      const referrers = await Array.fromAsync(puller.referrers(app));
      assert.equal(referrers.length, 2);
      assert.equal((await get(`${repository}/manifests/${app.digest}`)).status, 200);
      assert.equal((await scene.event("released")).digest, app.digest);

      for (const { descriptor } of referrers) await pusher.delete?.(descriptor, { kind: "manifest" });
      await assertHidden(scene, "v1", app);
      assert.equal((await scene.event("hidden")).digest, app.digest);
    });

    test("signatures under tags count as well, and are hidden with their image", async () => {
      await using scene = await openGateScene({ kind });
      const { pusher, get, repository } = scene;
      const app = await pushApp(pusher, {}, ["v1"]);
      const tag = `${app.digest.replace(":", "-")}.sig`;
      await sign(pusher, app, bob, true);
      await assertHidden(scene, tag, await pusher.resolve({ tag }));
      await sign(pusher, app, ann, true);
      const listed = JSON.parse((await get(`${repository}/tags/list`)).text) as { tags: string[] };
      assert.deepEqual(listed.tags, [tag, "v1"]);
      assert.equal((await get(`${repository}/manifests/${tag}`)).status, 200);
      await pusher.update([{ tag, to: null }]);
      await assertHidden(scene, "v1", app);
    });

    test("the parts of an index go with it", async () => {
      await using scene = await openGateScene({ kind });
      const { pusher, get, repository } = scene;
      const { root, amd, arm } = await pushIndex(pusher, ["v1"]);
      for (const each of [root, amd, arm]) await assertHidden(scene, "v1", each);
      await sign(pusher, root);
      for (const { digest } of [arm, amd, root]) {
        assert.equal((await get(`${repository}/manifests/${digest}`)).status, 200, digest);
      }
      assert.equal((await get(`${repository}/manifests/v1`)).status, 200);
    });

    test("an image that is allowed does not tell of a hidden one that it hangs on", async () => {
      await using scene = await openGateScene({ kind });
      const { pusher, get, repository } = scene;
      const app = await pushApp(pusher, {}, ["v1"]);
      const signed = await pushImage(pusher, image("signed", { subject: app }), ["signed"]);
      await sign(pusher, signed);
      assert.equal((await get(`${repository}/manifests/signed`)).status, 200);
      await assertHidden(scene, "v1", app);
      assert.deepEqual(await Array.fromAsync(scene.puller.referrers(app)), []);
    });

    test("an image that hangs on another is none of its evidence", async () => {
      await using scene = await openGateScene({ kind });
      const { pusher, puller } = scene;
      const app = await pushApp(pusher, {}, ["v1"]);
      await sign(pusher, app);
      const sly = await pushImage(pusher, image("sly", { subject: app }), ["sly"]);
      await assertHidden(scene, "sly", sly);
      const seen = (await Array.fromAsync(puller.referrers(app))).map(({ descriptor }) => descriptor.digest);
      assert.equal(seen.length, 1);
      assert.ok(!seen.includes(sly.digest));
    });
  });
}
