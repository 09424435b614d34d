/**
 * Signatures by identities, both ways: what berth signs cosign 2 and 3 verify, and what they sign berth verifies, in the
 * registry and in a layout that it was copied to.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Exit } from "../../src/error/code.ts";
import { workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { serve, type Served } from "../cli/served.ts";
import { openServices, type SigstoreServices, tokenOf } from "../sign/sigstore-services.ts";
import { COSIGN_2, COSIGN_3 } from "./cosign-peer.ts";
import { ANN, KeylessPeer, WHO } from "./keyless-peer.ts";

const TYPE = "https://example.com/t";
/** What a token of a job says, and what both are told to ask for. */
const JOB = {
  event_name: "push",
  sha: "0".repeat(40),
  workflow: "release",
  repository: "octo/app",
  ref: "refs/heads/main",
};
const TOLD = { trigger: "push", sha: "0".repeat(40), name: "release", repository: "octo/app", ref: "refs/heads/main" };

for (const tool of [COSIGN_2, COSIGN_3]) {
  const ran = spawnSync(tool.program, ["version"]);
  const skip = ran.error ? `${tool.program} not found on PATH: ${tool.install}` : false;
  describe(`berth and ${tool.name}, without keys`, { skip }, () => {
    const scope = new AsyncDisposableStack();
    let peer: KeylessPeer;
    let services: SigstoreServices;
    let server: Served;
    let cwd = "";
    let digest = "";

    const go = (line: string): Promise<RanInside> =>
      inside(line.split(" "), { cwd, env: { SIGSTORE_ID_TOKEN: tokenOf(ANN, JOB) } });
    const berth = async (line: string): Promise<string> => {
      const { code, out, err } = await go(line);
      assert.equal(code, 0, `berth ${line}\n${err}`);
      return out.trim();
    };

    before(async () => {
      cwd = scope.use(await workFolder()).path;
      services = scope.use(await openServices());
      peer = await KeylessPeer.open(tool, cwd, services);
      await mkdir(join(cwd, "depot"));
      server = scope.use(await serve(["depot"], cwd));
      await writeFile(join(cwd, "hello"), "hello");
      await berth("image create ocidir://image:v1 --layer hello:/");
      digest = await berth("digest ocidir://image:v1");
    });
    after(() => scope.disposeAsync());

    test("it verifies what berth signed, in a layout that was copied or in the registry", async () => {
      const at = `--keyless --fulcio-url ${services.url} --rekor-url ${services.url}`;
      const stamped = `${at} --timestamp-server-url ${services.url}`;
      for (const [made, options] of [
        ["layout", at],
        ["registry", stamped],
      ] as const) {
        const remote = `${server.host}/${made}`;
        const place = made === "layout" ? "ocidir://signed:v1" : `${remote}:v1`;
        await berth(`copy ocidir://image:v1 ${place}`);
        await berth(`sign ${place} ${options} -a made=${made}`);
        await berth(`attest ${place} ${options} --type ${TYPE} --predicate predicate.json`);
        if (made === "layout") await berth(`copy ${place} ${remote}:v1`);
        const subject = `${remote}@${digest}`;
        assert.ok((await peer.verify("verify", "-a", `made=${made}`, subject)).includes(digest));
        assert.match(await peer.verify("verify-attestation", "--type", TYPE, subject), /payload/);
        await assert.rejects(peer.verify("verify", "--certificate-identity", "bob@example.com", subject));
      }
    });

    test("both ask the same of the workflow that signed, in the same words", async () => {
      const remote = `${server.host}/job`;
      await berth(`copy ocidir://image:v1 ${remote}:v1`);
      await berth(`sign ${remote}:v1 --keyless --fulcio-url ${services.url} --rekor-url ${services.url}`);
      const options = (changes: object): readonly string[] =>
        Object.entries({ ...TOLD, ...changes }).flatMap(([fact, value]) => [
          `--certificate-github-workflow-${fact}`,
          String(value),
        ]);
      const subject = `${remote}@${digest}`;
      const verified = async (changes: object): Promise<readonly boolean[]> => {
        const theirs = peer.verify("verify", ...options(changes), subject).then(
          () => true,
          () => false,
        );
        const { code } = await go(["verify", subject, ...WHO, ...options(changes)].join(" "));
        assert.ok(code === 0 || code === Exit.Unverified);
        return [await theirs, code === 0];
      };
      assert.deepEqual(await verified({}), [true, true]);
      for (const fact of Object.keys(TOLD)) assert.deepEqual(await verified({ [fact]: "other" }), [false, false], fact);
    });

    test("berth verifies what it signed, in the registry and in a layout", async () => {
      const remote = `${server.host}/theirs`;
      await berth(`copy ocidir://image:v1 ${remote}:v1`);
      await peer.sign("sign", "-a", "made=peer", `${remote}@${digest}`);
      await peer.sign("attest", "--predicate", "predicate.json", "--type", TYPE, `${remote}@${digest}`);
      await berth(`copy ${remote}:v1 ocidir://theirs:v1`);
      const bob = WHO.map((word) => (word === ANN ? "bob@example.com" : word)).join(" ");
      for (const place of [`${remote}:v1`, "ocidir://theirs:v1"]) {
        await berth(`verify ${place} ${WHO.join(" ")} -a made=peer`);
        assert.match(await berth(`verify-attestation ${place} ${WHO.join(" ")} --type ${TYPE}`), /"tested":true/);
        assert.match(await berth(`signatures ${place}`), /said to be by ann@example\.com/);
        for (const command of ["verify", "verify-attestation"]) {
          assert.equal((await go(`${command} ${place} ${bob}`)).code, Exit.Unverified);
        }
      }
    });
  });
}
