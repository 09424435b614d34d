import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError, OciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { signManifests } from "../../src/sign/sign.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Store } from "../../src/store/store.ts";
import { index, pushManifest } from "../support/content.ts";
import { ann, bob, decide, engineOf, HEAD, missing, pushApp, pushIndex, requiring } from "./scene.ts";

const sign = (store: Store, by: typeof ann, ...subjects: Descriptor[]): Promise<unknown> =>
  signManifests({ subjects: subjects.map((descriptor) => ({ target: store, descriptor })), signer: by.signer });

describe("which rules apply", () => {
  const text = `version: 1
rules:
  - { name: team, repositories: ["team/*"], except: { tags: ["dev-*"] }, require: [{ size: { max: 1 } }] }
  - { name: releases, repositories: ["**"], tags: ["v*"], require: [{ size: { max: 1 } }] }
  - { name: elsewhere, repositories: ["**"], registries: ["*.example.com"], require: [{ size: { max: 1 } }] }
`;
  const names = async (repository: string, tags: readonly string[], registry?: string): Promise<readonly string[]> => {
    const store = createMemoryStore();
    const subject = await pushApp(store);
    const place = { repository, tags, ...(registry === undefined ? {} : { registry }) };
    return (await decide(text, store, subject, place)).rules.map(({ rule }) => rule);
  };

  test("by repository, tag and registry, all that fit", async () => {
    assert.deepEqual(await names("team/app", ["v1"]), ["team", "releases"]);
    assert.deepEqual(await names("team/app", ["dev-1"]), []);
    assert.deepEqual(await names("team/app", ["dev-1", "v1"]), ["team", "releases"]);
    assert.deepEqual(await names("team/a/b", ["latest"]), []);
    assert.deepEqual(await names("other", ["latest"], "a.example.com"), ["elsewhere"]);
    assert.deepEqual(await names("other", ["latest"], "a.example.com.evil.org"), []);
  });

  test("a digest is no way around the rules of tags", async () => {
    assert.deepEqual(await names("team/app", []), ["team", "releases"]);
  });

  test("what no rule is about is refused, unless the policy says otherwise", async () => {
    const store = createMemoryStore();
    const subject = await pushApp(store);
    const place = { repository: "nobody", tags: ["latest"] };
    const refused = await decide(text, store, subject, place);
    assert.equal(refused.allowed, false);
    assert.match(refused.reason ?? "", /no rule is about nobody/);
    assert.equal((await decide(text.replace("rules:", "default: allow\nrules:"), store, subject, place)).allowed, true);
    const open = `version: 1\nrules:\n  - { name: open, repositories: ["**"], allow: true }\n`;
    assert.equal((await decide(open, store, subject, place)).allowed, true);
  });

  test("all rules that apply have to be met", async () => {
    const store = createMemoryStore();
    const subject = await pushApp(store);
    const two = `${requiring("- size: { max: 1MiB }")}  - { name: small, repositories: ["team/**"], require: [{ size: { max: 1 } }] }\n`;
    const decision = await decide(two, store, subject);
    assert.deepEqual(
      decision.rules.map(({ rule, holds }) => [rule, holds]),
      [
        ["all", true],
        ["small", false],
      ],
    );
    assert.equal(decision.allowed, false);
    assert.match(decision.reason ?? "", /rule small is not met: size/);
  });

  test("the engine knows which repositories it is about", async () => {
    const engine = await engineOf(text);
    assert.equal(engine.concerns({ repository: "team/app" }), true);
    assert.equal((await engineOf(`version: 1\nrules: []\n`)).concerns({ repository: "team/app" }), false);
  });
});

describe("signatures that a policy asks for", () => {
  test("by whom, how many", async () => {
    const store = createMemoryStore();
    const subject = await pushApp(store);
    const one = requiring("- signature: { by: [ann, bob] }");
    const two = requiring("- signature: { by: [ann, bob], threshold: 2 }");
    assert.match(
      missing(await decide(one, store, subject))[0] ?? "",
      /a signature by ann or bob: there is no signature/,
    );
    await sign(store, ann, subject);
    const decision = await decide(one, store, subject);
    assert.equal(decision.allowed, true);
    assert.equal(decision.rules[0]?.findings[0]?.found, "signed by ann");
    assert.match(missing(await decide(two, store, subject))[0] ?? "", /2 signatures by ann or bob: 1 distinct/);
    await sign(store, bob, subject);
    assert.equal((await decide(two, store, subject)).allowed, true);
    const onlyBob = requiring("- signature: { by: bob, annotations: { env: production } }");
    assert.equal((await decide(onlyBob, store, subject)).allowed, false);
  });

  test("on every image of an index, unless the policy says where", async () => {
    const { store, root, amd, arm } = await pushIndex();
    const on = async (where: string, more = ""): Promise<readonly string[]> =>
      missing(await decide(requiring(`- signature: { by: ann, on: ${where} }`, more), store, root)).map(
        (each) => each.split(":")[0] ?? "",
      );
    await sign(store, ann, root);
    assert.deepEqual(missing(await decide(requiring("- signature: { by: ann }"), store, root)).length, 2);
    assert.deepEqual(await on("index"), []);
    assert.deepEqual(await on("either"), []);
    assert.deepEqual(await on("all"), ["signature on linux/amd64", "signature on linux/arm64"]);
    await sign(store, ann, amd);
    assert.deepEqual(await on("children"), ["signature on linux/arm64"]);
    assert.deepEqual(await on("children", "    children: [linux/amd64]\n"), []);
    assert.deepEqual(await on("children", "    children: [linux/s390x]\n"), ["signature on the index"]);
    await sign(store, ann, arm);
    assert.deepEqual(await on("all"), []);
  });

  test("on the children alone suffices for either", async () => {
    const { store, root, amd, arm } = await pushIndex();
    const either = requiring("- signature: { by: ann, on: either }");
    await sign(store, ann, amd);
    assert.equal((await decide(either, store, root)).allowed, false);
    await sign(store, ann, arm);
    assert.equal((await decide(either, store, root)).allowed, true);
  });

  test("images inside nested indexes are asked too", async () => {
    const { store, root, amd } = await pushIndex();
    const outer = index([{ ...root }, { ...amd, platform: { os: "linux", architecture: "amd64" } }]);
    await pushManifest(store, outer);
    await sign(store, ann, amd);
    const decision = await decide(requiring("- signature: { by: ann }"), store, outer.descriptor);
    assert.deepEqual(
      decision.rules[0]?.findings.map(({ on, holds }) => [on, holds]),
      [
        ["linux/amd64", true],
        ["linux/arm64", false],
      ],
    );
  });

  test("an image that says that it is an attestation is held to the rules all the same", async () => {
    const store = createMemoryStore();
    const amd = await pushApp(store);
    const hidden = await pushApp(store, { architecture: "s390x" });
    const top = index([
      { ...amd, platform: { os: "linux", architecture: "amd64" } },
      {
        ...hidden,
        platform: { os: "unknown", architecture: "unknown" },
        annotations: { "vnd.docker.reference.type": "attestation-manifest" },
      },
    ]);
    await pushManifest(store, top);
    await sign(store, ann, amd);
    assert.equal((await decide(requiring("- signature: { by: ann }"), store, top.descriptor)).allowed, false);
  });
});

describe("a policy fails closed", () => {
  test("what is not there is refused, and says so", async () => {
    const { store, root, arm } = await pushIndex();
    await store.delete?.(arm, { kind: "manifest" });
    const decision = await decide(requiring("- size: { max: 1GiB }"), store, root);
    assert.equal(decision.allowed, false);
    assert.match(decision.reason ?? "", /it cannot be read/);
  });

  test("a registry that fails decides nothing", async () => {
    const store = createMemoryStore();
    const subject = await pushApp(store);
    await sign(store, ann, subject);
    const text = requiring("- signature: { by: ann }");
    const down = new OciError("NETWORK", "Down");
    const broken = decorate(store, {
      // oxlint-disable-next-line require-yield
      async *referrers() {
        throw down;
      },
    });
    await assert.rejects(decide(text, broken, subject), (error) => isOciError(error, "NETWORK"));
    assert.equal((await decide(text, store, subject)).allowed, true);
  });

  test("an identity that cannot be opened opens no policy", async () => {
    const text = `${HEAD.replace("ann.pub", "nobody.pub")}  - { name: a, repositories: ["**"], require: [{ signature: { by: ann } }] }\n`;
    await assert.rejects(engineOf(text), /Nobody is ann/);
  });

  test("what is no image lacks what images have", async () => {
    const store = createMemoryStore();
    const artifact = await pushApp(store);
    const opaque = { ...artifact, mediaType: "application/vnd.example.thing" };
    const readable = decorate(store, {
      fetch: (descriptor, options) => store.fetch({ ...descriptor, mediaType: artifact.mediaType }, options),
    });
    const every = `- labels: { a: "*" }
- age: { max: 1d }
- size: { max: 1GiB }
- base: { names: ["*"] }
- platforms: { only: [linux/amd64] }
- expression: { where: 'image.config.architecture == "amd64"' }
- licenses: { deny: [x] }
- sbom: {}
- scan: { maxSeverity: critical }`;
    const decision = await decide(requiring(every), readable, opaque);
    assert.deepEqual(
      decision.rules[0]?.findings.map(({ requirement, holds }) => [requirement, holds]),
      ["labels", "age", "size", "base", "platforms", "expression", "licenses", "sbom", "scan"].map((each) => [
        each,
        false,
      ]),
    );
  });

  test("aborting ends it", async () => {
    const store = createMemoryStore();
    const subject = await pushApp(store);
    const signal = AbortSignal.abort(new Error("Enough"));
    await assert.rejects(decide(requiring("- size: { max: 1 }"), store, subject, { signal }), /Enough/);
  });
});
