import assert from "node:assert/strict";
import { test } from "node:test";
import { signManifests } from "../../src/sign/sign.ts";
import type { GateJudge, Question } from "../../src/server/gate/judge.ts";
import { ann, hang, NOW, pushApp, requiring } from "../policy/scene.ts";
import { openGateScene, SIGNED } from "./gate-scene.ts";

const GRYPE = "application/vnd.anchore.grype+json";
const HOUR = 3_600_000;

function scanOf(at: number): string {
  return JSON.stringify({ descriptor: { name: "grype", timestamp: new Date(at).toISOString() }, matches: [] });
}

/** Counts what it is asked. */
function counting(judge: GateJudge, asked: Question[]): GateJudge {
  return {
    policy: judge.policy,
    guards: (repository) => judge.guards(repository),
    judge: (question) => {
      asked.push(question);
      return judge.judge(question);
    },
  };
}

test("a scan that grows too old hides its image by itself, a new one releases it", async () => {
  let now = NOW.getTime();
  await using scene = await openGateScene({
    policy: requiring("- scan: { maxAge: 2h, maxSeverity: high }"),
    gate: { now: () => new Date(now) },
  });
  const { pusher, get, repository } = scene;
  const app = await pushApp(pusher, {}, ["v1"]);
  const status = async (): Promise<number> => (await get(`${repository}/manifests/v1`)).status;
  assert.equal(await status(), 404);
  await hang(pusher, app, scanOf(now), GRYPE);
  assert.equal(await status(), 200);
  now += 2 * HOUR - 500;
  assert.equal(await status(), 200);
  assert.equal((await scene.event("released")).digest, app.digest);
  scene.events.length = 0;
  // Within the time that nothing is looked up for.
  now += 501;
  assert.equal(await status(), 404);
  assert.match((await scene.event("hidden")).reason ?? "", /scan/);
  await hang(pusher, app, scanOf(now), GRYPE);
  assert.equal(await status(), 200);
});

test("an image is judged once, and again after what hangs on it, its tags or what is here has changed", async () => {
  const asked: Question[] = [];
  await using scene = await openGateScene({
    judge: (judge) => counting(judge, asked),
    gate: { now: () => NOW },
  });
  const { pusher, get, repository } = scene;
  const app = await pushApp(pusher, {}, ["v1"]);
  await signManifests({ subjects: [{ target: pusher, descriptor: app }], signer: ann.signer });
  const judged = async (name: string = app.digest): Promise<number> => {
    assert.equal((await get(`${repository}/manifests/${name}`)).status, 200);
    const count = asked.filter(({ subject }) => subject.digest === app.digest).length;
    asked.length = 0;
    return count;
  };
  await judged();
  for (const name of ["v1", app.digest, "v1"]) assert.equal(await judged(name), 0, name);
  const other = await pushApp(pusher, { architecture: "arm64" }, ["other"]);
  assert.equal(await judged(), 0);
  await hang(pusher, other, "{}", "text/plain");
  assert.equal(await judged(), 0);
  await hang(pusher, app, "{}", "text/plain");
  assert.ok((await judged()) > 0);
  await pusher.update([{ tag: "v2", to: app }]);
  assert.ok((await judged()) > 0);
  await pusher.delete?.(other, { kind: "manifest" });
  assert.ok((await judged()) > 0);
});

test("what others write into the registry's folder counts within a second", async () => {
  let now = NOW.getTime();
  await using scene = await openGateScene({ kind: "layout", gate: { now: () => new Date(now) } });
  const { pusher, get, repository, store } = scene;
  const app = await pushApp(pusher, {}, ["v1"]);
  assert.equal((await get(`${repository}/manifests/v1`)).status, 404);
  await signManifests({ subjects: [{ target: store, descriptor: app }], signer: ann.signer });
  now += 1000;
  assert.equal((await get(`${repository}/manifests/v1`)).status, 200);
  for await (const { descriptor } of store.referrers(app)) await store.delete?.(descriptor, { kind: "manifest" });
  now += 1000;
  assert.equal((await get(`${repository}/manifests/v1`)).status, 404);
});

test("what cannot be judged is hidden, told with its reason, and judged again soon", async () => {
  let now = NOW.getTime();
  let fails = true;
  await using scene = await openGateScene({
    gate: { now: () => new Date(now) },
    judge: ({ policy, guards, judge }) => ({
      policy,
      guards,
      judge: async (question) => {
        if (fails) throw new Error("The disk is on fire");
        return judge(question);
      },
    }),
  });
  const { pusher, get, repository } = scene;
  const app = await pushApp(pusher, {}, ["v1"]);
  await signManifests({ subjects: [{ target: pusher, descriptor: app }], signer: ann.signer });
  for (const path of [`manifests/${app.digest}`, "manifests/v1", "tags/list"]) {
    const answer = await get(`${repository}/${path}`);
    assert.equal(answer.status, 404);
    assert.doesNotMatch(answer.text, /fire/);
  }
  const { reason, error } = await scene.event("hidden");
  assert.equal(reason, "it cannot be judged: The disk is on fire");
  assert.ok(error instanceof Error);
  fails = false;
  now += 1000;
  assert.equal((await get(`${repository}/manifests/v1`)).status, 200);
});

test("a repository that no rule is about is hidden, unless the policy's default is to allow it", async () => {
  const rules = SIGNED.replace('["**"]', '["prod/**"]');
  for (const [policy, status] of [
    [rules, 404],
    [rules.replace("rules:", "default: allow\nrules:"), 200],
  ] as const) {
    await using scene = await openGateScene({ policy });
    await pushApp(scene.pusher, {}, ["v1"]);
    assert.equal((await scene.get(`${scene.repository}/manifests/v1`)).status, status);
  }
});

test("a rule for some tags alone leaves the others open, but not the digest of what has both", async () => {
  const excepted = SIGNED.replace("    require", '    except: { tags: ["dev-*"] }\n    require');
  const policy = excepted.replace("rules:", "default: allow\nrules:");
  await using scene = await openGateScene({ policy });
  const { pusher, get, repository } = scene;
  const app = await pushApp(pusher, {}, ["dev-1"]);
  const statuses = async (...names: string[]): Promise<number[]> =>
    Promise.all(names.map(async (name) => (await get(`${repository}/manifests/${name}`)).status));
  assert.deepEqual(await statuses("dev-1", app.digest), [200, 200]);
  await pusher.update([{ tag: "v1", to: app }]);
  assert.deepEqual(await statuses("dev-1", "v1", app.digest), [404, 404, 404]);
  await pusher.update([{ tag: "v1", to: null }]);
  assert.deepEqual(await statuses("dev-1", app.digest), [200, 200]);
});

test("pulls that come together with the signature see the image before or after, and after it always", async () => {
  await using scene = await openGateScene();
  const { pusher, get, repository } = scene;
  const app = await pushApp(pusher, {}, ["v1"]);
  const pulls = Array.from({ length: 30 }, async () => (await get(`${repository}/manifests/v1`)).status);
  await signManifests({ subjects: [{ target: pusher, descriptor: app }], signer: ann.signer });
  assert.equal((await get(`${repository}/manifests/v1`)).status, 200);
  for (const status of await Promise.all(pulls)) assert.ok(status === 200 || status === 404);
});
