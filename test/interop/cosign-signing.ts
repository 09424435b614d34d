/**
 * Signatures both ways: what berth signs, in a registry or in a layout that is copied to one, cosign 2 and 3 verify;
 * what they sign, berth verifies in the registry and in a layout that it was copied to.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { KeyKind } from "../../src/sign/key-kind.ts";
import { inside } from "../cli/inside.ts";
import { serve, type Served } from "../cli/served.ts";
import { workFolder } from "../cli/fixture.ts";
import { peerRegistries } from "../support/peer-registries.ts";
import { CosignPeer, type CosignTool } from "./cosign-peer.ts";

/** Kinds of key, and what cosign has to be told to verify what they sign. */
const KINDS: readonly { readonly kind: KeyKind; readonly flags: readonly string[]; readonly ownVerifies: boolean }[] = [
  { kind: "ecdsa-p256", flags: [], ownVerifies: true },
  { kind: "rsa-2048", flags: [], ownVerifies: true },
  // cosign signs images with Ed25519ph and verifies Ed25519 alone: it does not verify its own.
  { kind: "ed25519", flags: [], ownVerifies: false },
  { kind: "ecdsa-p384", flags: ["--signature-digest-algorithm", "sha384"], ownVerifies: true },
];
const STORAGES = ["referrer", "tag"] as const;

/** Every way of one version of cosign. */
export function signsBothWays(tool: CosignTool): void {
  const ran = spawnSync(tool.program, ["version"]);
  const skip = ran.error ? `${tool.program} not found on PATH: ${tool.install}` : false;
  describe(`berth and ${tool.name}`, { skip }, () => {
    const scope = new AsyncDisposableStack();
    let peer: CosignPeer;
    let server: Served;
    let digest = "";

    const berth = async (line: string): Promise<string> => {
      const { code, out, err } = await inside(line.split(" "), {
        cwd: peer.folder,
        env: { COSIGN_PASSWORD: "secret" },
      });
      assert.equal(code, 0, `berth ${line}\n${err}`);
      return out.trim();
    };

    before(async () => {
      const folder = scope.use(await workFolder()).path;
      peer = await CosignPeer.open(tool, folder);
      await mkdir(join(folder, "depot"));
      server = scope.use(await serve(["depot"], folder));
      await writeFile(join(folder, "hello"), "hello");
      await berth("image create ocidir://image:v1 --layer hello:/");
      digest = await berth("digest ocidir://image:v1");
    });
    after(() => scope.disposeAsync());

    for (const { kind, flags, ownVerifies } of KINDS) {
      test(`${kind}: keys and signatures of either serve the other`, async () => {
        const { host } = server;
        await berth(`key generate --kind ${kind} -o ${kind}`);
        const key = ["--key", `${kind}.pub`];
        for (const storage of STORAGES) {
          // In a layout, then copied; and in the registry itself.
          const layout = `ocidir://${kind}-${storage}:v1`;
          await berth(`copy ocidir://image:v1 ${layout}`);
          const options = `--key ${kind}.key --storage ${storage}`;
          await berth(`sign ${layout} ${options} -a made=layout`);
          await berth(`attest ${layout} ${options} --type https://example.com/t --predicate predicate.json`);
          const remote = `${host}/${kind}-${storage}`;
          await berth(`copy ${layout} ${remote}:v1`);
          await berth(`sign ${remote}:v1 ${options} -a made=registry`);
          const subject = `${remote}@${digest}`;
          const trust = storage === "referrer" ? peer.bundleFlags : [];
          for (const made of ["layout", "registry"]) {
            const out = await peer.run("verify", ...key, ...flags, ...trust, "-a", `made=${made}`, subject);
            assert.ok(out.includes(digest));
          }
          const type = ["--type", "https://example.com/t"];
          assert.match(await peer.run("verify-attestation", ...key, ...flags, ...trust, ...type, subject), /payload/);
          await assert.rejects(peer.run("verify", "--key", "other.pub", ...flags, ...trust, subject));
        }
        // The other way: cosign signs with berth's key.
        await berth(`copy ocidir://image:v1 ${host}/theirs-${kind}:v1`);
        const theirs = `${host}/theirs-${kind}@${digest}`;
        await peer.sign("sign", "--key", `${kind}.key`, "-a", "made=peer", theirs);
        await peer.sign("attest", "--key", `${kind}.key`, "--predicate", "predicate.json", "--type", "custom", theirs);
        await berth(`copy ${host}/theirs-${kind}:v1 ocidir://theirs-${kind}:v1`);
        for (const place of [theirs, `ocidir://theirs-${kind}:v1`]) {
          await berth(`verify ${place} --key ${kind}.pub -a made=peer`);
          await berth(`verify-attestation ${place} --key ${kind}.pub --type custom`);
          const refused = await inside(["verify", place, "--key", "other.pub"], { cwd: peer.folder });
          assert.equal(refused.code, 10, refused.err);
        }
        const verified = peer.run("verify", ...key, ...flags, ...peer.bundleFlags, theirs).then(
          () => true,
          () => false,
        );
        assert.equal(await verified, ownVerifies, "when cosign learns to verify its own, the docs can say so");
      });
    }

    test("keys that cosign made sign here, and plain files verify both ways", async () => {
      await berth("copy ocidir://image:v1 ocidir://own:v1");
      await berth("sign ocidir://own:v1 --key other.key");
      await berth("verify ocidir://own:v1 --key other.pub");
      await berth("sign --file hello --bundle ours.json --key other.key");
      await peer.run("verify-blob", "--key", "other.pub", "--bundle", "ours.json", ...peer.blobFlags, "hello");
      await peer.signFile("other.key", "theirs.json", "hello");
      await berth("verify --file hello --bundle theirs.json --key other.pub");
    });

    for (const registry of peerRegistries) {
      test(`in ${registry.name}`, { skip: registry.missing }, async () => {
        const there = await registry.start();
        try {
          const name = `${there.host}/app`;
          await berth(`copy ocidir://image:v1 ${name}:v1`);
          for (const storage of STORAGES) await berth(`sign ${name}:v1 --key other.key --storage ${storage} -a by=us`);
          await peer.sign("sign", "--key", "other.key", "-a", "by=them", `${name}@${digest}`);
          for (const by of ["us", "them"]) {
            await berth(`verify ${name}:v1 --key other.pub -a by=${by}`);
          }
          await peer.run("verify", "--key", "other.pub", ...peer.bundleFlags, "-a", "by=us", `${name}@${digest}`);
        } finally {
          await there.close();
        }
      });
    }
  });
}
