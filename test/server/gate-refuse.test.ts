import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { signManifests } from "../../src/sign/sign.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { ann, bob, pushApp, pushIndex } from "../policy/scene.ts";
import { AS_PUSHER, type GateScene, KINDS, openGateScene, type Seen } from "./gate-scene.ts";

const REFUSE = { gate: { refuse: true } } as const;

/** Pushes what is there under further tags, as any client would. */
async function retag(
  { get, repository }: GateScene,
  { digest }: Descriptor,
  where: string,
  headers: Readonly<Record<string, string>> = {},
  mediaType: string = MediaType.ImageManifest,
): Promise<Seen> {
  const { text: body } = await get(`${repository}/manifests/${digest}`, { headers: AS_PUSHER });
  return get(`${repository}/manifests/${where}`, {
    method: "PUT",
    headers: { ...AS_PUSHER, ...headers, "content-type": mediaType },
    body,
  });
}

for (const kind of KINDS) {
  describe(`refusing over a ${kind}`, () => {
    test("a tag that breaks the policy is turned away with the reason, however it is pushed", async () => {
      await using scene = await openGateScene({ kind, ...REFUSE });
      const { pusher, get, repository } = scene;
      const app = await pushApp(pusher);
      for (const [where, headers] of [
        ["v1", {}],
        [`${app.digest}?tag=v1&tag=v2`, {}],
        ["v1", { "if-none-match": "*" }],
      ] as const) {
        const refused = await retag(scene, app, where, headers);
        assert.equal(refused.status, 403, where);
        const { errors } = JSON.parse(refused.text) as {
          errors: [{ code: string; message: string; detail: Record<string, unknown> }];
        };
        const [{ code, message, detail }] = errors;
        assert.equal(code, "DENIED");
        assert.match(message, /^The policy refuses v1.*: rule all is not met: signature$/);
        assert.equal(detail["digest"], app.digest);
        assert.match(JSON.stringify(detail["rules"]), /"rule":"all".*a signature by ann: there is no signature/);
        const event = await scene.event("refused");
        assert.deepEqual([event.digest, event.rule], [app.digest, "all"]);
      }
      assert.equal((await get(`${repository}/tags/list`, { headers: AS_PUSHER })).text.includes("v1"), false);
      // Pullers do not see what is there by its digest alone.
      assert.equal((await get(`${repository}/manifests/${app.digest}`)).status, 404);
      await assert.rejects(pushApp(pusher, { architecture: "arm64" }, ["v1"]), (error) => isOciError(error, "DENIED"));
    });

    test("content and what hangs on it by digest first, then the tag", async () => {
      await using scene = await openGateScene({ kind, ...REFUSE });
      const { pusher, puller, get, repository } = scene;
      const { root } = await pushIndex(pusher);
      const sign = (by: typeof ann, storage: "tag" | "referrer"): Promise<unknown> =>
        signManifests({ subjects: [{ target: pusher, descriptor: root }], signer: by.signer, storage });
      await sign(bob, "tag");
      await sign(bob, "referrer");
      assert.equal((await retag(scene, root, "v1", {}, MediaType.ImageIndex)).status, 403);
      await sign(ann, "tag");
      assert.equal((await retag(scene, root, "v1", {}, MediaType.ImageIndex)).status, 201);
      assert.equal((await puller.resolve({ tag: "v1" })).digest, root.digest);
      // A tag that breaks it by what becomes of it later is hidden, as in quarantine.
      await pusher.update([{ tag: `${root.digest.replace(":", "-")}.sig`, to: null }]);
      assert.equal((await get(`${repository}/manifests/v1`)).status, 404);
      assert.equal((await get(`${repository}/manifests/v1`, { headers: AS_PUSHER })).status, 200);
    });
  });
}
