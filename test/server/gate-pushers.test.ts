import assert from "node:assert/strict";
import { test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import type { Credential } from "../../src/remote/credential.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { parsePushers } from "../../src/server/pushers.ts";
import { signManifests } from "../../src/sign/sign.ts";
import { ann, pushApp } from "../policy/scene.ts";
import { blob, pushBlob } from "../support/content.ts";
import { AS_PUSHER, openGateScene, PUSHER, SIGNED } from "./gate-scene.ts";

const basic = (text: string): Readonly<Record<string, string>> => ({
  authorization: `Basic ${Buffer.from(text).toString("base64")}`,
});
const WRONG = [
  {},
  basic("ann:wrong"),
  basic("bob:open sesame"),
  basic("ann:open sesame2"),
  basic("ann:"),
  basic(":open sesame"),
  basic(":"),
  basic("ann"),
  basic(`ann:${"x".repeat(5000)}`),
  { authorization: "Basic !!!" },
  { authorization: "Basic" },
  { authorization: `Bearer ${Buffer.from(PUSHER).toString("base64")}` },
  { authorization: `${AS_PUSHER["authorization"]}, ${AS_PUSHER["authorization"]}` },
];

test("nobody but a pusher writes; whoever is none reads as everybody does", async () => {
  await using scene = await openGateScene();
  const { pusher, get, repository } = scene;
  const app = await pushApp(pusher, {}, ["v1"]);
  for (const headers of WRONG) {
    const shown = JSON.stringify(headers).slice(0, 80);
    for (const [method, path] of [
      ["POST", "blobs/uploads/"],
      ["PUT", "manifests/v1"],
      ["DELETE", "manifests/v1"],
      ["DELETE", `manifests/${app.digest}`],
    ] as const) {
      const answer = await get(`${repository}/${path}`, { method, headers });
      assert.equal(answer.status, 401, `${method} ${path} with ${shown}`);
      assert.equal(answer.headers["www-authenticate"], 'Basic realm="berth"');
    }
    assert.equal((await get(`${repository}/manifests/v1`, { headers })).status, 404, shown);
    assert.equal((await get("", { headers })).status, 200, shown);
  }
  for (const headers of [AS_PUSHER, { authorization: AS_PUSHER["authorization"]?.replace("Basic", "bASIC") ?? "" }]) {
    assert.equal((await get(`${repository}/manifests/v1`, { headers })).status, 200);
    assert.equal((await get(`${repository}/blobs/uploads/`, { method: "POST", headers })).status, 202);
  }
});

test("clients learn where credentials help, and may be asked for them", async () => {
  for (const [login, ping, missing, present] of [
    ["denied", 200, 404, 200],
    ["missing", 200, 401, 200],
    ["always", 401, 401, 401],
  ] as const) {
    await using scene = await openGateScene({ handler: { login } });
    const { pusher, get, repository } = scene;
    const app = await pushApp(pusher, {}, ["hidden"]);
    const open = await pushApp(pusher, { architecture: "arm64" }, ["open"]);
    await signManifests({ subjects: [{ target: pusher, descriptor: open }], signer: ann.signer });
    const pinged = await get("");
    assert.equal(pinged.status, ping, login);
    assert.equal(pinged.headers["www-authenticate"], 'Basic realm="berth"');
    for (const name of ["hidden", "absent", app.digest]) {
      assert.equal((await get(`${repository}/manifests/${name}`)).status, missing, `${login} ${name}`);
      // Whoever gives some is told what there is for them.
      assert.equal((await get(`${repository}/manifests/${name}`, { headers: basic("x:y") })).status, 404);
    }
    assert.equal((await get(`${repository}/manifests/open`)).status, present, login);
    assert.equal((await get(`${repository}/manifests/open`, { headers: basic("x:y") })).status, 200);
    assert.equal((await get(`${repository}/manifests/hidden`, { headers: AS_PUSHER })).status, 200);
  }
});

test("without credentials everybody may push, and everybody's reads are gated", async () => {
  await using scene = await openGateScene({ open: true });
  const { pusher, puller, get, repository } = scene;
  const app = await pushApp(pusher, {}, ["v1"]);
  assert.equal((await get(`${repository}/manifests/v1`)).status, 404);
  await signManifests({ subjects: [{ target: pusher, descriptor: app }], signer: ann.signer });
  assert.equal((await puller.resolve({ tag: "v1" })).digest, app.digest);
  // A hidden manifest is no blob to be mounted elsewhere.
  const other = await pushApp(pusher, { architecture: "arm64" }, ["v2"]);
  for (const from of [`&from=${repository}`, ""]) {
    const path = `elsewhere/blobs/uploads/?mount=${other.digest}${from}`;
    assert.equal((await get(path, { method: "POST" })).status, 202, from);
  }
  const seen = `elsewhere/blobs/uploads/?mount=${app.digest}&from=${repository}`;
  assert.equal((await get(seen, { method: "POST" })).status, 201);
});

test("blobs of a repository in which nothing can be seen are hidden as well", async () => {
  await using scene = await openGateScene();
  const { pusher, get, repository } = scene;
  const layer = blob("a layer");
  await pushBlob(pusher, layer);
  const app = await pushApp(pusher, {}, ["v1"]);
  const status = async (): Promise<number> => (await get(`${repository}/blobs/${layer.descriptor.digest}`)).status;
  assert.equal(await status(), 404);
  await signManifests({ subjects: [{ target: pusher, descriptor: app }], signer: ann.signer });
  assert.equal(await status(), 200);
});

test("a namespace in which nothing can be seen is none", async () => {
  const policy = SIGNED.replace("**", "example.org/**").replace("rules:", "default: allow\nrules:");
  await using scene = await openGateScene({ policy });
  const { pusher, get, repository, host } = scene;
  const credentials = async (): Promise<Credential> => ({ type: "basic", username: "ann", password: "open sesame" });
  await using mirrored = await openRemote({ host, repository: `example.org/${repository}`, credentials });
  const own = await pushApp(pusher, {}, ["v1"]);
  const theirs = await pushApp(mirrored, { architecture: "arm64" }, ["v1"]);
  const path = `${repository}/manifests/v1?ns=example.org`;
  const { headers } = await get(path);
  assert.equal(headers["docker-content-digest"], own.digest);
  assert.equal(headers["oci-namespace"], undefined);
  await signManifests({ subjects: [{ target: mirrored, descriptor: theirs }], signer: ann.signer });
  const signed = await get(path);
  assert.equal(signed.headers["docker-content-digest"], theirs.digest);
  assert.equal(signed.headers["oci-namespace"], "example.org");
});

test("a file of pushers is user:password, one a line, and nothing that could be mistaken", () => {
  const { authenticate, authorize } = parsePushers("# who\n\nann:a:b\r\nzoë:pässword\n", "file");
  const who = (text: string): string | undefined => authenticate({ headers: basic(text) });
  assert.equal(who("ann:a:b"), "ann");
  assert.equal(who("zoë:pässword"), "zoë");
  assert.equal(who("# who"), undefined);
  assert.equal(authorize("ann", { action: "push", repository: "a" }), "allow");
  assert.equal(authorize(undefined, { action: "push", repository: "a" }), "deny");
  assert.equal(authorize(undefined, { action: "pull", repository: "a" }), "allow");
  for (const [text, problem] of [
    ["", /no user:password/],
    ["ann", /line 1: expected user:password/],
    ["ann:", /line 1/],
    [":secret", /line 1/],
    ["ann:a\nann:b", /line 2: a user is there twice/],
    ["ann:$2y$05$abcdefghijklmnopqrstuv", /line 1: the password is a hash/],
    ["ann:$apr1$x$y", /a hash/],
    ["ann:{SHA}abc", /a hash/],
    [`ann:${"x".repeat(2000)}`, /more than 1024 characters/],
  ] as const) {
    assert.throws(
      () => parsePushers(text, "file"),
      (error) => isOciError(error, "FILE_INVALID") && problem.test(error.message) && !error.message.includes("secret"),
      text,
    );
  }
});
