import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { decode, encode, type Tag } from "cbor2";
import { isOciError } from "../../../src/error/oci-error.ts";
import { createCertificateSigner } from "../../../src/sign/notation/certificate-signer.ts";
import { parseCertificate } from "../../../src/sign/notation/certificate.ts";
import { parseEnvelope } from "../../../src/sign/notation/read-notation.ts";
import { signWithNotation } from "../../../src/sign/notation/sign-notation.ts";
import { createTimestamper } from "../../../src/sign/notation/timestamper.ts";
import { type TimestampVerdict, verifyTimestamp } from "../../../src/sign/notation/timestamp.ts";
import { createTrustStore } from "../../../src/sign/notation/trust-store.ts";
import { openSigned } from "../scene.ts";
import { CODE_SIGNING, issue, issueChain, nameOf, pemOf, TIME_STAMPING } from "./authority.ts";
import { issueClock, serveClock, stamp, type StampOptions } from "./clock.ts";
import { forge } from "./forge.ts";
import { FORMATS, hangEnvelope, policyOf, reasonOf, verifyBy } from "./scene.ts";

const message = Buffer.from("a signature");
const clock = issueClock();
const rootOf = (holder: { readonly raw: Uint8Array }) => [parseCertificate(holder.raw, "root")];
const verdictOf = (options: StampOptions = {}, by = clock): TimestampVerdict =>
  verifyTimestamp(stamp(by, message, options), message, rootOf(by.root));

describe("a timestamp", () => {
  test("counts, with its accuracy", () => {
    const time = new Date("2030-05-06T07:08:09Z");
    const verdict = verdictOf({ time, accuracy: 2 });
    assert.ok(verdict.valid, JSON.stringify(verdict));
    assert.equal(verdict.timestamp.from.toISOString(), "2030-05-06T07:08:07.000Z");
    assert.equal(verdict.timestamp.to.toISOString(), "2030-05-06T07:08:11.000Z");
  });

  const other = issueClock();
  for (const [what, verdict, reason] of [
    ["of something else", verdictOf({ of: Buffer.from("another") }), /of something else/],
    ["hashed with SHA-1", verdictOf({ hash: "sha1" }), /too weak or unknown/],
    ["that was changed", verdictOf({ changed: true }), /was changed|cannot be read/],
    ["that does not say whose it is", verdictOf({ names: null }), /does not sign which certificate/],
    ["that names another's certificate", verdictOf({ names: other }), /is missing/],
    ["that somebody else signed", verdictOf({ key: other.key }), /its signature is wrong/],
    ["of two signers", verdictOf({ signers: 2 }), /one signer/],
    ["of none", verdictOf({ signers: 0 }), /one signer/],
    ["after its certificate", verdictOf({ time: new Date("2039-06-01") }), /expired at/],
    [
      "by a clock nobody trusts",
      verifyTimestamp(stamp(clock, message), message, rootOf(other.root)),
      /no authority that is trusted/,
    ],
    ["by a clock of no root", verifyTimestamp(stamp(clock, message), message, []), /no authority that is trusted/],
    ["by a signer of code", verdictOf({}, issueClock({ purposes: [CODE_SIGNING] })), /not for timestamps alone/],
    [
      "by a signer of code as well",
      verdictOf({}, issueClock({ purposes: [TIME_STAMPING, CODE_SIGNING] })),
      /not for timestamps alone/,
    ],
    ["by a clock without weight", verdictOf({}, issueClock({ purposesCritical: false })), /not for timestamps alone/],
    ["that is none", verifyTimestamp(message, message, rootOf(clock.root)), /cannot be read/],
    ["that is empty", verifyTimestamp(new Uint8Array(), message, rootOf(clock.root)), /cannot be read/],
  ] as const) {
    test(`${what} does not count`, () => {
      assert.ok(!verdict.valid);
      assert.match(verdict.reason, reason);
    });
  }

  test("with any byte changed never counts for another time", () => {
    const time = new Date("2030-05-06T07:08:09Z");
    const token = stamp(clock, message, { time });
    for (let at = 0; at < token.length; at += 5) {
      const changed = Uint8Array.from(token);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const verdict = verifyTimestamp(changed, message, rootOf(clock.root));
      // Some bytes are signed by nobody and say nothing, such as versions.
      if (verdict.valid) assert.equal(verdict.timestamp.to.getTime(), time.getTime(), `byte ${at}`);
    }
  });
});

test("OpenSSL's timestamps count", async (t) => {
  if (spawnSync("openssl", ["version"]).error) {
    t.skip("openssl not found on PATH: apt-get install openssl");
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), "berth-tsa-"));
  try {
    const write = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content);
    await write("signature", message);
    await write("clock.key", clock.key.export({ type: "pkcs8", format: "pem" }));
    await write("clock.pem", pemOf([clock.raw]));
    await write("root.pem", pemOf([clock.root.raw]));
    await write("serial", "01\n");
    await write(
      "tsa.cnf",
      "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=clock.pem\nsigner_key=clock.key\ncerts=root.pem\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\naccuracy=secs:1\ness_cert_id_alg=sha256\n",
    );
    const run = (...args: string[]) => {
      const ran = spawnSync("openssl", ["ts", ...args], { cwd: folder, encoding: "utf8" });
      assert.equal(ran.status, 0, ran.stderr);
    };
    run("-query", "-data", "signature", "-sha256", "-cert", "-out", "query");
    run("-reply", "-config", "tsa.cnf", "-queryfile", "query", "-token_out", "-out", "token");
    const token = await readFile(join(folder, "token"));
    const verdict = verifyTimestamp(token, message, rootOf(clock.root));
    assert.ok(verdict.valid, JSON.stringify(verdict));
    assert.ok(Math.abs(verdict.timestamp.to.getTime() - Date.now()) < 600_000);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe("a signature with a timestamp", () => {
  // Its certificate was valid for an hour, years ago.
  const root = issue({
    authority: true,
    subject: nameOf(["CN", "root"]),
    notBefore: new Date("2020-01-01"),
    notAfter: new Date("2020-02-01"),
  });
  const signer = issue({ issuer: root, notBefore: new Date("2020-01-02"), notAfter: new Date("2020-01-03") });
  const old = issueClock({ notBefore: new Date("2019-01-01") });
  const store = createTrustStore({ ca: { ours: [root.raw] }, tsa: { clocks: [old.root.raw] } });
  const policy = policyOf({ trustStores: ["ca:ours", "tsa:clocks"] });

  const signedAt = async (format: (typeof FORMATS)[number], time: Date | undefined, by = old, accuracy?: number) => {
    const signed = await openSigned();
    const bare = forge(format, signer, signed.subject);
    const beside =
      time === undefined
        ? {}
        : {
            "io.cncf.notary.timestampSignature": stamp(by, parseEnvelope(bare, format).signature, {
              time,
              ...(accuracy === undefined ? {} : { accuracy }),
            }),
          };
    // The signature has to stay the same: the timestamp is over it.
    const envelope = Buffer.from(bare);
    await hangEnvelope(signed, time === undefined ? envelope : withBeside(envelope, format, beside), format);
    return signed;
  };

  for (const format of FORMATS) {
    test(`${format}: counts for ever when it was made in time`, async () => {
      const report = await verifyBy(await signedAt(format, new Date("2020-01-02T12:00:00Z")), { store, policy });
      assert.equal(report.verified, true, reasonOf(report));
      assert.equal(report.signers[0]?.signedAt, "2020-01-02T12:00:00.000Z");
    });
  }

  test("does not count when it was made too late, or nobody knows that it was not", async () => {
    const late = await signedAt("jws", new Date("2020-01-03T00:00:01Z"));
    assert.match(reasonOf(await verifyBy(late, { store, policy })), /CN=signer.* expired at/);
    const near = await signedAt("jws", new Date("2020-01-02T23:59:59Z"), old, 2);
    assert.match(reasonOf(await verifyBy(near, { store, policy })), /CN=signer.* expired at/);
  });

  test("does not count without one, where the policy has a store of clocks", async () => {
    const report = await verifyBy(await signedAt("jws", undefined), { store, policy });
    assert.match(reasonOf(report), /it has no timestamp/);
  });

  test("does not count by a clock that nobody trusts, nor where the policy has no store of clocks", async () => {
    const strange = await signedAt(
      "jws",
      new Date("2020-01-02T12:00:00Z"),
      issueClock({ notBefore: new Date("2019-01-01") }),
    );
    assert.match(reasonOf(await verifyBy(strange, { store, policy })), /timestamp does not count: no authority/);
    const good = await signedAt("jws", new Date("2020-01-02T12:00:00Z"));
    assert.match(reasonOf(await verifyBy(good, { store, policy: policyOf() })), /expired at/);
  });

  test("afterCertExpiry asks for one only when it is needed", async () => {
    const now = () => new Date("2020-01-02T12:00:00Z");
    const signed = await signedAt("jws", undefined);
    const after = policyOf({ trustStores: ["ca:ours", "tsa:clocks"] }, { verifyTimestamp: "afterCertExpiry" });
    assert.equal((await verifyBy(signed, { store, policy: after, now })).verified, true);
    assert.equal((await verifyBy(signed, { store, policy, now })).verified, false);
    assert.match(reasonOf(await verifyBy(signed, { store, policy: after })), /it has no timestamp/);
  });
});

/** The same envelope with something beside its signature. */
function withBeside(
  envelope: Buffer,
  format: (typeof FORMATS)[number],
  beside: Record<string, Uint8Array>,
): Uint8Array {
  if (format === "jws") {
    const document = JSON.parse(envelope.toString()) as { header: Record<string, unknown> };
    for (const [name, value] of Object.entries(beside)) document.header[name] = Buffer.from(value).toString("base64");
    return Buffer.from(JSON.stringify(document));
  }
  const outer = decode<Tag>(new Uint8Array(envelope), { preferMap: true, ignoreGlobalTags: true });
  const [, fields] = outer.contents as [Uint8Array, Map<unknown, unknown>];
  for (const [name, value] of Object.entries(beside)) fields.set(name, value);
  return encode(outer);
}

describe("asking an authority for a timestamp", () => {
  test("what it says is kept in the envelope, and counts", async () => {
    await using served = await serveClock(clock);
    const holder = issueChain({ kind: "P-384" });
    for (const format of FORMATS) {
      const { store: target, subject } = await openSigned();
      await signWithNotation({
        subjects: [{ target, descriptor: subject }],
        format,
        signer: createCertificateSigner({
          privateKey: holder.key,
          chain: holder.chain.map((raw) => parseCertificate(raw, "certificate")),
          label: "test",
          timestamper: createTimestamper(served.url),
        }),
      });
      const store = createTrustStore({ ca: { ours: [holder.root.raw] }, tsa: { clocks: [clock.root.raw] } });
      const policy = policyOf({ trustStores: ["ca:ours", "tsa:clocks"] });
      const report = await verifyBy({ store: target, subject }, { store, policy });
      assert.equal(report.verified, true, reasonOf(report));
      assert.ok(report.signers[0]?.signedAt);
    }
  });

  for (const [what, answer, code] of [
    ["refuses", { refused: true }, "PROTOCOL"],
    ["answers another question", { nonce: false }, "PROTOCOL"],
    ["fails", { status: 500 }, "NETWORK"],
    ["answers nonsense", { body: "<html>" }, "PROTOCOL"],
    ["never ends", { body: "x".repeat(1024 * 1024) }, "LIMIT_EXCEEDED"],
  ] as const) {
    test(`one that ${what} is an error`, async () => {
      await using served = await serveClock(clock, answer);
      await assert.rejects(createTimestamper(served.url).stamp(message, "sha256", {}), (error) =>
        isOciError(error, code),
      );
    });
  }

  test("one that is not there", async () => {
    await assert.rejects(createTimestamper("http://127.0.0.1:9/").stamp(message, "sha256", {}), (error) =>
      isOciError(error, "NETWORK"),
    );
  });
});
