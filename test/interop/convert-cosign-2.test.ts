/** What berth converts, cosign 2 finds, and what cosign 2 attached becomes referrers. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { serve } from "../cli/served.ts";
import { referrerTypes } from "./client.ts";
import { COSIGN_2, CosignPeer } from "./cosign-peer.ts";

const skip = spawnSync(COSIGN_2.program, ["version"]).error
  ? `${COSIGN_2.program} not found on PATH: ${COSIGN_2.install}`
  : false;

test("SBOMs and attestations: referrers to cosign 2's tags and back, the originals removed", { skip }, async () => {
  await using folder = await workFolder();
  const cwd = folder.path;
  const peer = await CosignPeer.open(COSIGN_2, cwd);
  await mkdir(join(cwd, "depot"));
  await using server = await serve(["depot"], cwd);
  const berth = async (line: string): Promise<string> => {
    const { code, out, err } = await inside(line.split(" "), { cwd, env: { COSIGN_PASSWORD: "secret" } });
    assert.equal(code, 0, `berth ${line}\n${err}`);
    return out.trim();
  };
  await imageLayout(join(cwd, "images"), ["v1"]);
  await writeFile(join(cwd, "sbom.json"), '{"bomFormat":"CycloneDX"}');
  const place = `${server.host}/app`;
  await berth(`copy ocidir://images:v1 ${place}:v1`);
  const digest = await berth("digest ocidir://images:v1");
  const subject = `${place}@${digest}`;
  await berth(`attach ${place}:v1 sbom.json --artifact-type application/vnd.cyclonedx+json`);
  await berth(`attest ${place}:v1 --key other.key --type custom --predicate predicate.json`);

  const tags = async (): Promise<readonly string[]> => (await berth(`tag ls ${place} --digest-tags`)).split("\n");
  const asTags = await berth(`convert-signatures ${place}:v1 --to tag --remove`);
  assert.equal(asTags.match(/^moved/gm)?.length, 2, asTags);
  assert.match(await peer.download("sbom", subject), /CycloneDX/);
  assert.match(await peer.run("verify-attestation", "--key", "other.pub", "--type", "custom", subject), /payload/);
  assert.deepEqual(await referrerTypes(server.host, "app", digest), []);

  const asReferrers = await berth(`convert-signatures ${place}:v1 --to referrer --remove`);
  assert.equal(asReferrers.match(/^moved/gm)?.length, 2, asReferrers);
  await assert.rejects(peer.download("sbom", subject));
  await berth(`verify-attestation ${place}:v1 --key other.pub --type custom`);
  assert.deepEqual(await tags(), ["v1"]);
});
