import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Exit } from "../../src/error/code.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve as serveRegistry } from "../../src/server/serve.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { serve } from "../cli/served.ts";
import { json, pushManifest, readAll, toArray } from "../support/content.ts";

/** Where the images of a test are signed. */
export interface Workshop {
  readonly cwd: string;
  /** Runs a command line that has to work. */
  ok(line: string, env?: Readonly<Record<string, string>>): Promise<string>;
}

export type Preparation = (workshop: Workshop, image: string) => Promise<void>;

/** What becomes of one image; its tag is its name. */
export interface Expected {
  readonly tag: string;
  /** Hangs on it what makes it what it is. */
  readonly prepare?: Preparation;
  /** In the words of whoever refuses it; absent: it is allowed. */
  readonly refused?: RegExp;
  /** A part of what is told of the signer. */
  readonly by?: RegExp;
}

/** The gate's answer to the push of a tag. */
interface Denied {
  readonly detail: { readonly rules: readonly { readonly missing: readonly { readonly missing: string }[] }[] };
}

const PUSHER = "ci:s3cr3t";

/**
 * The promises of a policy that names somebody, whatever kind of identity that is: kept by `verify --policy`, by `copy
 * --policy` and by the gate of a server.
 * @param identity the identity's value in YAML, its files beside the policy
 */
export function identityContract(
  name: string,
  identity: string,
  open: (cwd: string) => Promise<AsyncDisposable | undefined>,
  images: readonly Expected[],
): void {
  describe(`a policy that names ${name}`, () => {
    const owned = new AsyncDisposableStack();
    let cwd = "";
    let host = "";
    const go = async (line: string, env: Readonly<Record<string, string>> = {}, input = ""): Promise<RanInside> =>
      inside(line.split(" "), { cwd, env: { COSIGN_PASSWORD: "", ...env }, input });
    const ok = async (line: string, env?: Readonly<Record<string, string>>, input?: string): Promise<string> => {
      const { code, out, err } = await go(line, env, input);
      assert.equal(code, 0, `${line}\n${out}\n${err}`);
      return out.trim();
    };

    before(async () => {
      cwd = owned.use(await workFolder()).path;
      const at = (file: string): string => join(cwd, file);
      await mkdir(at("policies"));
      await mkdir(at("registry"));
      await writeFile(at("pushers"), `${PUSHER}\n`);
      await writeFile(
        at("policies/policy.yaml"),
        `version: 1\nidentities:\n  team: ${identity}\nrules:\n  - { name: signed, repositories: ["**"], require: [{ signature: { by: team } }] }\n`,
      );
      const opened = await open(at("policies"));
      if (opened) owned.use(opened);
      const registry = owned.use(createMemoryRegistry());
      const server = await serveRegistry({ registry, host: "127.0.0.1", port: 0 });
      owned.defer(() => server.close(0));
      ({ host } = new URL(server.url));
      for (const { tag, prepare } of images) {
        await writeFile(at("content"), tag);
        await ok(`image create ocidir://images:${tag} --layer linux/amd64=content:/`);
        await prepare?.({ cwd, ok }, `ocidir://images:${tag}`);
      }
    });
    after(() => owned.disposeAsync());

    for (const { tag, refused, by = /signed by / } of images) {
      const outcome = refused ? "refuses" : "allows";
      test(`verify --policy ${outcome} what is ${tag}`, async () => {
        const { code, out, err } = await go(`verify ocidir://images:${tag} --policy policies/policy.yaml`);
        assert.equal(code, refused ? Exit.Refused : 0, `${out}\n${err}`);
        assert.match(out, refused ? /missing \(line 5\): a signature by team: / : by);
        if (refused) assert.match(out, refused);
      });

      test(`copy --policy ${outcome} what is ${tag}`, async () => {
        const target = `${host}/copied/${tag}:v1`;
        const { code, out, err } = await go(`copy ocidir://images:${tag} ${target} --policy policies/policy.yaml`);
        assert.equal(code, refused ? Exit.Refused : 0, `${out}\n${err}`);
        if (refused) assert.match(out, refused);
        // What is refused is nowhere, what is allowed comes with what allowed it.
        const there = await go(`verify ${target} --policy policies/policy.yaml`);
        assert.equal(there.code, refused ? Exit.NotFound : 0, there.err);
      });
    }

    test("the gate of a server shows what is allowed, and tells why it hides the rest", async () => {
      const gate = "--policy policies/policy.yaml --pusher-password-file pushers --audit-log audit.log";
      await using server = await serve(["registry", ...gate.split(" ")], cwd);
      for (const { tag, refused } of images) {
        const target = `${server.host}/team/${tag}:v1`;
        await ok(`copy ocidir://images:${tag} ${target} -u ci --password-stdin`, {}, "s3cr3t");
        const digest = await ok(`digest ocidir://images:${tag}`);
        for (const reference of ["v1", digest]) {
          const { status } = await fetch(`http://${server.host}/v2/team/${tag}/manifests/${reference}`);
          assert.equal(status, refused ? 404 : 200, `${tag} by ${reference}`);
        }
      }
      await server.stop("SIGTERM");
      const audit = await readFile(join(cwd, "audit.log"), "utf8");
      const hidden = audit
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as { event: string; repository: string; rule: string; reason: string });
      for (const { tag, refused } of images) {
        const last = hidden.findLast(({ repository }) => repository === `team/${tag}`);
        // What comes with its signature was never hidden.
        assert.equal(last?.event, refused ? "hidden" : undefined, tag);
        if (refused) assert.deepEqual([last?.rule, last?.reason], ["signed", "rule signed is not met: signature"]);
      }
    });

    test("the gate turns away the tag of what is not allowed, in the words of what is missing", async () => {
      const gate = "--policy policies/policy.yaml --pusher-password-file pushers --gate refuse";
      await using server = await serve(["registry", ...gate.split(" ")], cwd);
      const authorization = `Basic ${Buffer.from(PUSHER).toString("base64")}`;
      for (const { tag, refused } of images) {
        const target = `${server.host}/refusing/${tag}`;
        const digest = await ok(`digest ocidir://images:${tag}`);
        await ok(`copy ocidir://images:${tag} ${target}@${digest} -u ci --password-stdin`, {}, "s3cr3t");
        const manifest = await ok(`manifest get ocidir://images:${tag} --raw`);
        const answer = await fetch(`http://${server.host}/v2/refusing/${tag}/manifests/v1`, {
          method: "PUT",
          headers: { authorization, "content-type": "application/vnd.oci.image.manifest.v1+json" },
          body: manifest,
        });
        const text = await answer.text();
        assert.equal(answer.status, refused ? 403 : 201, `${tag}\n${text}`);
        if (!refused) continue;
        const [error] = (JSON.parse(text) as { errors: Denied[] }).errors;
        assert.match(error?.detail.rules[0]?.missing[0]?.missing ?? "", refused);
      }
    });
  });
}

/** Hangs what hangs on one image on another one as well: the bytes are the same, and so is what they say. */
export async function moveSignatures({ cwd }: Workshop, from: string, to: string): Promise<void> {
  await using store = await openLayout(join(cwd, "images"));
  const [source, target] = [await store.resolve({ tag: from }), await store.resolve({ tag: to })];
  const referrers = await toArray(store.referrers(source));
  assert.ok(referrers.length > 0);
  for (const { descriptor } of referrers) {
    const manifest = JSON.parse((await readAll(store.fetch(descriptor))).toString()) as Record<string, unknown>;
    await pushManifest(store, json({ ...manifest, subject: target }, descriptor.mediaType));
  }
}
