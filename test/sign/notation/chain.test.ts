import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openSigned } from "../scene.ts";
import {
  type CertificateOptions,
  CODE_SIGNING,
  issue,
  issueChain,
  nameOf,
  SERVER_AUTH,
  TIME_STAMPING,
  Usage,
} from "./authority.ts";
import { forge } from "./forge.ts";
import { hangEnvelope, reasonOf, storeOf, verifyBy } from "./scene.ts";

/** Chains that are not as the specification has them. */
const CHAINS: readonly (readonly [string, CertificateOptions, RegExp])[] = [
  ["for servers", { purposes: [SERVER_AUTH] }, /not for signing code but for serverAuth/],
  ["for servers as well", { purposes: [CODE_SIGNING, SERVER_AUTH] }, /not for signing code but for serverAuth/],
  ["for timestamps", { purposes: [TIME_STAMPING] }, /not for signing code but for timeStamping/],
  ["for anything", { purposes: ["2.5.29.37.0"] }, /not for signing code but for any/],
  ["that does not say what it is for", { keyUsage: null }, /does not say what its key is for/],
  ["whose use is not critical", { keyUsageCritical: false }, /does not mark critical/],
  ["for encryption", { keyUsage: Usage.keyEncipherment }, /not for signatures alone/],
  [
    "for signing certificates as well",
    { keyUsage: Usage.digitalSignature | Usage.certSign },
    /not for signatures alone/,
  ],
  ["of an authority", { authority: true, keyUsage: Usage.digitalSignature }, /is that of an authority/],
  ["signed with SHA-1", { hash: "sha1" }, /hash that is too weak/],
];

describe("a chain that is not for signing code does not count", () => {
  for (const [what, options, reason] of CHAINS) {
    test(`a certificate ${what}`, async () => {
      const own = issueChain(options);
      const signed = await openSigned();
      await hangEnvelope(signed, forge("jws", own, signed.subject), "jws");
      const report = await verifyBy(signed, { store: storeOf(own.root) });
      assert.equal(report.verified, false);
      assert.match(reasonOf(report), reason);
    });
  }

  test("the forger's chain counts when nothing is wrong with it", async () => {
    const own = issueChain({ purposes: [CODE_SIGNING] });
    const signed = await openSigned();
    await hangEnvelope(signed, forge("jws", own, signed.subject), "jws");
    assert.equal((await verifyBy(signed, { store: storeOf(own.root) })).verified, true);
  });

  const root = issue({ authority: true, subject: nameOf(["CN", "root"]) });
  const ordinary = issue({ issuer: root, subject: nameOf(["CN", "ordinary"]) });
  const narrow = issue({ authority: 0, subject: nameOf(["CN", "narrow"]), issuer: root });
  const below = issue({ authority: true, subject: nameOf(["CN", "below"]), issuer: narrow });
  const uncritical = issue({ authority: true, constraintsCritical: false, issuer: root });
  const unfit = issue({ authority: true, keyUsage: Usage.digitalSignature, issuer: root });
  const twin = issue({ authority: true, subject: nameOf(["CN", "root"]) });
  const leaf = issue({ issuer: root });
  for (const [what, own, reason] of [
    ["issued by somebody who is no authority", issue({ issuer: ordinary }), /is not that of an authority/],
    ["deeper than an authority allows", issue({ issuer: below }), /allows 0 authorities below it, and has 1/],
    ["whose authority says so without weight", issue({ issuer: uncritical }), /is not that of an authority/],
    ["whose authority is not for certificates", issue({ issuer: unfit }), /is not for signing certificates/],
    ["without its root", { ...leaf, chain: [leaf.raw] }, /which is no root certificate/],
    ["in another order", { ...leaf, chain: [leaf.raw, root.raw, root.raw] }, /goes on after the root/],
    ["with another's root of the same name", { ...leaf, chain: [leaf.raw, twin.raw] }, /is not issued by/],
    ["that goes on after the root", { ...root, chain: [root.raw, root.raw] }, /goes on after the root/],
  ] as const) {
    test(`a chain ${what}`, async () => {
      const signed = await openSigned();
      await hangEnvelope(signed, forge("jws", own, signed.subject), "jws");
      const report = await verifyBy(signed, { store: storeOf(root, twin) });
      assert.equal(report.verified, false);
      assert.match(reasonOf(report), reason);
    });
  }
});
