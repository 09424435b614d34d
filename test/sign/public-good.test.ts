/** The provenance of an npm package as its registry gives it out, and the root of Sigstore's public services as it comes with the TUF client. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { createIdentityVerifier } from "../../src/sign/identity-verifier.ts";
import type { Verdict } from "../../src/sign/signer.ts";
import { exactly, matching } from "../../src/sign/text-pattern.ts";
import { parseTrustedRoot } from "../../src/sign/trusted-root.ts";
import { type BundleDocument, claimOf } from "./keyless-scene.ts";
import { fixture } from "./scene.ts";

const MIRROR = "https://tuf-repo-cdn.sigstore.dev";
const WORKFLOW = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";
const ACTIONS = "https://token.actions.githubusercontent.com";

interface Seeds {
  readonly [mirror: string]: { readonly targets: { readonly [name: string]: string } };
}

async function verify(
  change: (document: BundleDocument) => void = () => undefined,
  subject = exactly(WORKFLOW),
): Promise<Verdict> {
  const seeds = createRequire(import.meta.url)("@sigstore/tuf/seeds.json") as Seeds;
  const root = Buffer.from(seeds[MIRROR]?.targets["trusted_root.json"] ?? "", "base64");
  const verifier = createIdentityVerifier({
    subjects: [subject],
    issuer: exactly(ACTIONS),
    trust: () => parseTrustedRoot(root, "trusted root"),
  });
  const document = JSON.parse((await fixture("npm-sigstore-2.0.0.sigstore.json")).toString()) as BundleDocument;
  change(document);
  return verifier.verify(claimOf(document));
}

describe("a bundle of Sigstore's public services", () => {
  test("verifies offline", async () => {
    const verdict = await verify();
    assert.deepEqual(verdict, {
      valid: true,
      signer: {
        id: `identity:${JSON.stringify([ACTIONS, WORKFLOW])}`,
        label: `${WORKFLOW} (${ACTIONS})`,
        signedAt: "2023-08-18T16:05:35Z",
      },
    });
    assert.equal((await verify(undefined, matching("https://github\\.com/sigstore/.*"))).valid, true);
  });

  test("not for another workflow, nor changed", async () => {
    assert.equal((await verify(undefined, matching("https://github\\.com/sigstore/"))).valid, false);
    for (const change of [
      ({ dsseEnvelope }) => {
        dsseEnvelope.payload = Buffer.from("{}").toString("base64");
      },
      ({ verificationMaterial: { tlogEntries = [] } }) => {
        for (const entry of tlogEntries) entry.integratedTime = String(Number(entry.integratedTime) + 1);
      },
      ({ verificationMaterial }) => {
        verificationMaterial.tlogEntries = [];
      },
    ] satisfies ((document: BundleDocument) => void)[]) {
      assert.equal((await verify(change)).valid, false);
    }
  });
});
