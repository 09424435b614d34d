/**
 * Signatures of notation both ways: what berth signs, in a registry or in a layout, notation verifies; what it signs,
 * berth verifies; JWS and COSE, with every kind of key, by its own trust store and trust policy.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { inside, type RanInside } from "../cli/inside.ts";
import { serve, type Served } from "../cli/served.ts";
import { workFolder } from "../cli/fixture.ts";
import { issueChain, type Kind, nameOf } from "../sign/notation/authority.ts";
import { issueClock, serveClock } from "../sign/notation/clock.ts";
import { policyOf } from "../sign/notation/scene.ts";
import { peerRegistries } from "../support/peer-registries.ts";
import { NOTATION, NotationPeer } from "./notation-peer.ts";

const KINDS: readonly Kind[] = ["P-256", "P-384", "P-521", "RSA-2048", "RSA-3072", "RSA-4096"];
const FORMATS = ["jws", "cose"] as const;
const PLAIN = "--insecure-registry";

const skip = spawnSync(NOTATION.program, ["version"]).error ? `notation not found on PATH: ${NOTATION.install}` : false;
describe("berth and notation", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let peer: NotationPeer;
  let server: Served;
  let digest = "";

  const ran = (line: string): Promise<RanInside> =>
    inside(line.split(" "), { cwd: peer.folder, env: { XDG_CONFIG_HOME: join(peer.folder, "config") } });
  const berth = async (line: string): Promise<string> => {
    const { code, out, err } = await ran(line);
    assert.equal(code, 0, `berth ${line}\n${out}${err}`);
    return out.trim();
  };
  const policy = (store: string) =>
    policyOf({
      trustStores: [`ca:${store}`],
      trustedIdentities: ["x509.subject: C=US, ST=WA, O=example.com, CN=signer"],
    });

  before(async () => {
    const folder = scope.use(await workFolder()).path;
    peer = new NotationPeer(folder);
    await mkdir(peer.config, { recursive: true });
    await mkdir(join(folder, "depot"));
    server = scope.use(await serve(["depot"], folder));
    await writeFile(join(folder, "hello"), "hello");
    await berth("image create ocidir://image:v1 --layer hello:/");
    digest = await berth("digest ocidir://image:v1");
    await peer.add("stranger", issueChain({ subject: nameOf(["CN", "signer"]) }));
  });
  after(() => scope.disposeAsync());

  for (const kind of KINDS) {
    for (const format of FORMATS) {
      test(`${kind}, ${format}: either verifies what the other signs, in a layout and in a registry`, async () => {
        await peer.add(kind, issueChain({ kind }));
        const name = `${kind}-${format}`.toLowerCase();
        const remote = `${server.host}/${name}`;
        const key = `--key ${kind}.key --certificate ${kind}.pem --signature-format ${format}`;

        // berth signs in the layout, which is copied, and in another repository.
        await berth(`copy ocidir://image:v1 ocidir://${name}:v1`);
        await berth(`sign ocidir://${name}:v1 ${key} --expiry 1h -a made=layout`);
        await berth(`copy ocidir://${name}:v1 ${remote}:v1`);
        await berth(`copy ocidir://image:v1 ${remote}-there:v1`);
        await berth(`sign ${remote}-there:v1 ${key} -a made=registry`);
        await peer.setPolicy(policy(kind));
        await peer.inLayout("verify", "--scope", "local/any", "-m", "made=layout", `${name}@${digest}`);
        await peer.run("verify", PLAIN, "-m", "made=layout", `${remote}@${digest}`);
        await peer.run("verify", PLAIN, "-m", "made=registry", `${remote}-there@${digest}`);
        await berth(`verify ${remote}-there:v1 -a made=registry`);
        await berth(`copy ${remote}-there:v1 ocidir://${name}-there:v1`);
        await berth(`verify ocidir://${name}-there:v1 -a made=registry`);
        await peer.inLayout("verify", "--scope", "local/any", "-m", "made=registry", `${name}-there@${digest}`);

        // notation signs in a layout and in a registry.
        await berth(`copy ocidir://image:v1 ocidir://${name}-theirs:v1`);
        const options = ["--key", kind, "--signature-format", format, "--expiry", "1h"];
        await peer.inLayout("sign", ...options, "-m", "made=peer", `${name}-theirs@${digest}`);
        await berth(`copy ocidir://image:v1 ${remote}-theirs:v1`);
        await peer.run("sign", PLAIN, ...options, "-m", "made=peer", `${remote}-theirs@${digest}`);
        await berth(`copy ${remote}-theirs:v1 ocidir://${name}-copied:v1`);
        await berth(`copy ocidir://${name}-theirs:v1 ${remote}-copied:v1`);
        const places = ["theirs", "copied"].flatMap((each) => [`ocidir://${name}-${each}:v1`, `${remote}-${each}:v1`]);
        for (const each of ["theirs", "copied"]) {
          await peer.inLayout("verify", "--scope", "local/any", `${name}-${each}@${digest}`);
          await peer.run("verify", PLAIN, `${remote}-${each}@${digest}`);
        }
        for (const place of places) {
          assert.match(await berth(`verify ${place} -a made=peer`), /counts {2}notation-/);
          const other = await ran(`verify ${place} -a made=nobody`);
          assert.equal(other.code, 10, other.err);
        }

        // And neither trusts a stranger of the same name.
        await peer.setPolicy(policy("stranger"));
        for (const place of [...places, `ocidir://${name}:v1`, `${remote}-there:v1`]) {
          const refused = await ran(`verify ${place}`);
          assert.equal(refused.code, 10, refused.err);
          assert.match(refused.out, /lead to none in the trust stores/);
        }
        await assert.rejects(peer.run("verify", PLAIN, `${remote}-there@${digest}`));
      });
    }
  }

  test("a signature that expired: both say so, and permissive only tells", async () => {
    await peer.add("short", issueChain());
    for (const format of FORMATS) {
      await berth(`copy ocidir://image:v1 ocidir://short-${format}:v1`);
      const key = `--key short.key --certificate short.pem --signature-format ${format}`;
      await berth(`sign ocidir://short-${format}:v1 ${key} --expiry 1s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const format of FORMATS) {
      const verify = () => peer.inLayout("verify", "--scope", "local/any", `short-${format}@${digest}`);
      await peer.setPolicy(policy("short"));
      await assert.rejects(verify(), /verification failed/);
      assert.match((await ran(`verify ocidir://short-${format}:v1`)).out, /it expired at/);
      await peer.setPolicy(policyOf({ trustStores: ["ca:short"] }, { level: "permissive" }));
      await verify();
      assert.match(await berth(`verify ocidir://short-${format}:v1`), /expiry failed, which the policy only logs/);
    }
  });

  test("a policy that skips: both verify nothing, and say so", async () => {
    await berth(`copy ocidir://image:v1 ${server.host}/skipped:v1`);
    const skipped = { registryScopes: [`${server.host}/skipped`], trustStores: [], trustedIdentities: [] };
    await peer.setPolicy(policyOf({ ...skipped, signatureVerification: { level: "skip" } }));
    await peer.run("verify", PLAIN, `${server.host}/skipped@${digest}`);
    assert.match(await berth(`verify ${server.host}/skipped:v1`), /^skipped .*says skip: nothing was verified/);
    const elsewhere = await ran("verify ocidir://image:v1");
    assert.equal(elsewhere.code, 10, elsewhere.err);
  });

  test("timestamps that berth asked for", async () => {
    const clock = issueClock();
    await using served = await serveClock(clock);
    await peer.add("timed", issueChain());
    await peer.trust("tsa", "clocks", clock);
    for (const format of FORMATS) {
      await berth(`copy ocidir://image:v1 ocidir://timed-${format}:v1`);
      const key = `--key timed.key --certificate timed.pem --signature-format ${format}`;
      await berth(`sign ocidir://timed-${format}:v1 ${key} --timestamp-server-url ${served.url}`);
      await peer.setPolicy(policyOf({ trustStores: ["ca:timed", "tsa:clocks"] }));
      await peer.inLayout("verify", "--scope", "local/any", `timed-${format}@${digest}`);
      await berth(`verify ocidir://timed-${format}:v1`);
    }
  });

  test("timestamps that notation asked for", async () => {
    const clock = issueClock();
    await using served = await serveClock(clock);
    await peer.add("theirs", issueChain());
    await peer.trust("tsa", "theirs", clock);
    const root = join(peer.config, "truststore", "x509", "tsa", "theirs", "root.crt");
    await peer.setPolicy(policyOf({ trustStores: ["ca:theirs", "tsa:theirs"] }));
    for (const format of FORMATS) {
      await berth(`copy ocidir://image:v1 ocidir://stamped-${format}:v1`);
      const options = ["--key", "theirs", "--signature-format", format];
      const timestamp = ["--timestamp-url", served.url, "--timestamp-root-cert", root];
      await peer.inLayout("sign", ...options, ...timestamp, `stamped-${format}@${digest}`);
      await berth(`verify ocidir://stamped-${format}:v1`);
    }
  });

  for (const registry of peerRegistries) {
    test(`in ${registry.name}`, { skip: registry.missing }, async () => {
      const there = await registry.start();
      try {
        await peer.add("there", issueChain());
        await peer.setPolicy(policy("there"));
        for (const format of FORMATS) {
          const name = `${there.host}/${format}`;
          await berth(`copy ocidir://image:v1 ${name}:v1`);
          await berth(`sign ${name}:v1 --key there.key --certificate there.pem --signature-format ${format}`);
          await peer.run("verify", PLAIN, `${name}@${digest}`);
          await berth(`copy ocidir://image:v1 ${name}-theirs:v1`);
          await peer.run("sign", PLAIN, "--key", "there", "--signature-format", format, `${name}-theirs@${digest}`);
          await berth(`verify ${name}-theirs:v1`);
        }
      } finally {
        await there.close();
      }
    });
  }
});
