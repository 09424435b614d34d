import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Verifier } from "../../src/sign/signer.ts";
import { exactly, matching, type TextPattern } from "../../src/sign/text-pattern.ts";
import { parseTrustedRoot } from "../../src/sign/trusted-root.ts";
import { verifySignatures, type VerifyReport } from "../../src/sign/verify.ts";
import {
  ANN,
  BOB,
  type BundleDocument,
  certificateIn,
  claimOf,
  encode,
  logEnvelope,
  logSignature,
  sealed,
  signerOf,
  verifierOf,
} from "./keyless-scene.ts";
import { bundleEntry } from "./log-answer.ts";
import { bundleOf, hangBundle, openSigned, person, type Signed, statementOf } from "./scene.ts";
import { ISSUER, openServices, type SigstoreServices, type TrustedRootDocument } from "./sigstore-services.ts";

const HOUR = 3_600_000;

describe("a keyless signature that does not count", () => {
  const owned = new AsyncDisposableStack();
  let services: SigstoreServices;
  before(async () => {
    services = owned.use(await openServices());
  });
  after(() => owned.disposeAsync());

  const verify = ({ store, subject }: Signed, verifier = verifierOf(services.root)): Promise<VerifyReport> =>
    verifySignatures({ source: store, subject, verifiers: [verifier] });

  /** Hangs what became of ann's bundle on the subject, and expects that it does not count. */
  async function refuses(
    change: (bundle: BundleDocument, signed: Signed) => unknown,
    reason: RegExp,
    { timestamps = false, verifier }: { timestamps?: boolean; verifier?: Verifier } = {},
  ): Promise<void> {
    const signed = await openSigned();
    const bundle = await sealed(await signerOf(services, ANN, { timestamps }), statementOf(signed.subject.digest));
    const untouched = await openSigned();
    await hangBundle(untouched, encode(bundle));
    assert.equal((await verify(untouched)).verified, true, "unchanged it counts");
    await change(bundle, signed);
    await hangBundle(signed, encode(bundle));
    const report = await verify(signed, verifier);
    assert.equal(report.verified, false);
    assert.deepEqual(report.signers, []);
    assert.match(report.signatures[0]?.reason ?? "", reason);
  }
  const unchanged = (): void => undefined;

  for (const [what, subjects, issuer, reason] of [
    ["another identity", [exactly(BOB)], exactly(ISSUER), /its identity is "ann@example.com", expected bob@/],
    ["an identity that it only begins with", [exactly("ann@example.co")], exactly(ISSUER), /its identity is/],
    ["an identity that matches a part", [matching("@example")], exactly(ISSUER), /its identity is/],
    ["alternatives of which none is whole", [matching("ann|example.com")], exactly(ISSUER), /its identity is/],
    ["another issuer", [exactly(ANN)], exactly("https://accounts.example.com"), /its issuer is/],
    ["an issuer with a slash more", [exactly(ANN)], exactly(`${ISSUER}/`), /its issuer is/],
    ["an issuer that matches a part", [matching(".*")], matching("https://token"), /its issuer is/],
  ] as const satisfies readonly (readonly [string, readonly TextPattern[], TextPattern, RegExp])[]) {
    test(`where ${what} is expected`, async () => {
      await refuses(unchanged, reason, { verifier: verifierOf(services.root, { subjects, issuer }) });
    });
  }

  test("of another artifact", async () => {
    const signed = await openSigned();
    await hangBundle(signed, encode(await sealed(await signerOf(services, ANN), statementOf(signed.other.digest))));
    const report = await verify(signed);
    assert.equal(report.verified, false);
    assert.match(report.signatures[0]?.reason ?? "", /not of sha256/);
  });

  test("with the log entry of another signature", async () => {
    await refuses(async (bundle, { subject, other }) => {
      const foreign = await sealed(await signerOf(services, ANN), statementOf(other.digest));
      bundle.verificationMaterial.tlogEntries = foreign.verificationMaterial.tlogEntries ?? [];
      assert.notEqual(subject.digest, other.digest);
    }, /signature mismatch/);
  });

  test("with the log entry of the same bytes, signed once more", async () => {
    await refuses(async (bundle, { subject }) => {
      const again = await sealed(await signerOf(services, ANN), statementOf(subject.digest));
      bundle.verificationMaterial.tlogEntries = again.verificationMaterial.tlogEntries ?? [];
    }, /signature mismatch/);
  });

  test("with a log entry that names another certificate", async () => {
    const bob = await sealed(await signerOf(services, BOB), statementOf("sha256:00"));
    const relog = async (bundle: BundleDocument, certificate: Uint8Array): Promise<void> => {
      const { message, signature } = claimOf(bundle);
      const entry = bundleEntry(await logSignature(services, message, signature, certificate));
      bundle.verificationMaterial.tlogEntries = [entry];
    };
    const own = await sealed(await signerOf(services, ANN), statementOf("sha256:00"));
    await relog(own, certificateIn(own));
    assert.equal((await verifierOf(services.root).verify(claimOf(own))).valid, true);
    await refuses((bundle) => relog(bundle, certificateIn(bob)), /it is of a signature by another key/);
  });

  test("with a log entry of the same signature over something else", async () => {
    for (const kind of ["dsse", "hashedrekord"]) {
      const relog = async (bundle: BundleDocument, other = ""): Promise<void> => {
        const { message, signature } = claimOf(bundle);
        const payload = Buffer.concat([Buffer.from(bundle.dsseEnvelope.payload, "base64"), Buffer.from(other)]);
        const certificate = certificateIn(bundle);
        const entry =
          kind === "dsse"
            ? await logEnvelope(services, payload, signature, certificate)
            : await logSignature(services, Buffer.concat([message, Buffer.from(other)]), signature, certificate);
        bundle.verificationMaterial.tlogEntries = [bundleEntry(entry, kind)];
      };
      const own = await sealed(await signerOf(services, ANN), statementOf("sha256:00"));
      await relog(own);
      assert.equal((await verifierOf(services.root).verify(claimOf(own))).valid, true);
      await refuses((bundle) => relog(bundle, " "), /hash mismatch|digest mismatch/);
    }
  });

  test("with somebody else's certificate", async () => {
    await refuses(async (bundle, { subject }) => {
      const bob = await sealed(await signerOf(services, BOB), statementOf(subject.digest));
      bundle.verificationMaterial.certificate = bob.verificationMaterial.certificate;
    }, /does not verify/);
  });

  test("with another time of the log", async () => {
    for (const seconds of [1, 60, -86_400, 86_400]) {
      await refuses(({ verificationMaterial: { tlogEntries = [] } }) => {
        const [entry] = tlogEntries;
        if (entry) entry.integratedTime = String(Number(entry.integratedTime) + seconds);
      }, /inclusion promise could not be verified|certificate chain/);
    }
  });

  test("with a time that the log did not promise", async () => {
    await refuses(({ verificationMaterial: { tlogEntries = [] } }) => {
      delete tlogEntries[0]?.inclusionPromise;
    }, /expected 1 timestamps, got 0/);
  });

  test("with a log entry without promise and proof", async () => {
    await refuses(({ verificationMaterial: { tlogEntries = [] } }) => {
      delete tlogEntries[0]?.inclusionPromise;
      delete tlogEntries[0]?.inclusionProof;
    }, /invalid bundle|does not verify/);
  });

  test("with a log entry that is there twice, or too often", async () => {
    await refuses(({ verificationMaterial: material }) => {
      material.tlogEntries?.push(...material.tlogEntries);
    }, /duplicate/);
    await refuses(({ verificationMaterial: material }) => {
      material.tlogEntries = Array.from({ length: 17 }, () => material.tlogEntries?.[0] ?? assert.fail());
    }, /more than 16/);
  });

  test("with neither log entry nor timestamp", async () => {
    await refuses(({ verificationMaterial: material }) => void delete material.tlogEntries, /expected 1 timestamps/);
    const lenient = verifierOf(services.root, { withoutLog: true, withoutCertificateLog: true });
    await refuses(({ verificationMaterial: material }) => void delete material.tlogEntries, /expected 1 timestamps/, {
      verifier: lenient,
    });
  });

  test("with a timestamp alone, unless the log is waived", async () => {
    const dropLog = ({ verificationMaterial: material }: BundleDocument): void => void delete material.tlogEntries;
    await refuses(dropLog, /expected 1 tlog entries, got 0/, { timestamps: true });
    const bundle = await sealed(
      await signerOf(services, ANN, { logs: false, timestamps: true }),
      statementOf("sha256:00"),
    );
    const verdict = await verifierOf(services.root, { withoutLog: true }).verify(claimOf(bundle));
    assert.equal(verdict.valid, true);
  });

  test("with the timestamp of another signature", async () => {
    await refuses(
      async ({ verificationMaterial: material }, { subject }) => {
        const again = await sealed(await signerOf(services, ANN, { timestamps: true }), statementOf(subject.digest));
        material.timestampVerificationData = again.verificationMaterial.timestampVerificationData ?? {};
      },
      /timestamp could not be verified/,
      { timestamps: true },
    );
  });

  test("by a certificate that had expired when the log took it in, or was not valid yet", async () => {
    for (const hours of [-1, 1]) {
      await using skewed = await openServices({ issuedAt: new Date(Date.now() + hours * HOUR) });
      const bundle = await sealed(await signerOf(skewed, ANN), statementOf("sha256:00"));
      const verdict = await verifierOf(skewed.root).verify(claimOf(bundle));
      assert.equal(verdict.valid, false);
      assert.match(verdict.valid ? "" : verdict.reason, /certificate is not valid or expired/);
    }
  });

  test("by a certificate that no certificate log knows, unless that is waived", async () => {
    await using unlogged = await openServices({ unlogged: true });
    const claim = claimOf(await sealed(await signerOf(unlogged, ANN), statementOf("sha256:00")));
    const verdict = await verifierOf(unlogged.root).verify(claim);
    assert.match(verdict.valid ? "" : verdict.reason, /expected 1 SCTs, got 0/);
    assert.equal((await verifierOf(unlogged.root, { withoutCertificateLog: true }).verify(claim)).valid, true);
  });

  test("by an authority or log that is not trusted", async () => {
    await using others = await openServices();
    for (const [list, reason] of [
      ["certificateAuthorities", /Failed to verify certificate chain/],
      ["tlogs", /inclusion promise could not be verified/],
      ["ctlogs", /expected 1 SCTs|SCT|does not verify/],
    ] as const) {
      for (const instead of list === "certificateAuthorities" ? [others.root[list]] : [others.root[list], []]) {
        const root: TrustedRootDocument = { ...services.root, [list]: instead };
        await refuses(unchanged, reason, { verifier: verifierOf(root) });
      }
    }
  });

  test("where the trusted root trusts nobody, or is none", async () => {
    const nobody = { ...services.root, certificateAuthorities: [], tlogs: [], ctlogs: [], timestampAuthorities: [] };
    for (const text of [JSON.stringify(nobody), "{}", "[]", "null", "", '{"certificateAuthorities":[{}]}', "{"]) {
      await assert.rejects(parseTrustedRoot(Buffer.from(text), "trusted root"), { code: "FILE_INVALID" }, text);
    }
    const signed = await openSigned();
    await hangBundle(signed, encode(await sealed(await signerOf(services, ANN), statementOf(signed.subject.digest))));
    await assert.rejects(verify(signed, verifierOf(nobody)), { code: "FILE_INVALID" });
  });

  test("whose payload type is another text of the same low bytes", async () => {
    const type = "application/vnd.in-toto+json";
    await refuses(({ dsseEnvelope }) => {
      dsseEnvelope.payloadType = type.replace("toto", "to\u0174o");
    }, /its payload is/);
    const bundle = await sealed(await signerOf(services, ANN), Buffer.from("{}"), "text/plain");
    bundle.dsseEnvelope.payloadType = "text/plai\u016e";
    assert.equal((await verifierOf(services.root).verify(claimOf(bundle))).valid, false);
    const foreign = await sealed(await signerOf(services, ANN), Buffer.from("{}"), "text/\u0174\u00e9");
    assert.equal((await verifierOf(services.root).verify(claimOf(foreign))).valid, true);
  });

  test("by a bare key where an identity is expected, and the other way round", async () => {
    const signed = await openSigned();
    await hangBundle(signed, await bundleOf(person("key"), statementOf(signed.subject.digest)));
    const report = await verify(signed, verifierOf(services.root, { subjects: [matching(".*")] }));
    assert.match(report.signatures[0]?.reason ?? "", /bare key/);
    const { verifier } = person("other.pub");
    await refuses(unchanged, /not by the key other.pub/, { verifier });
  });

  test("that counts once for a threshold, however often somebody signed", async () => {
    const signed = await openSigned();
    const anybody = verifierOf(services.root, { subjects: [matching(".*@example\\.com")] });
    const sign = async (who: string, issuer = ISSUER): Promise<void> =>
      hangBundle(
        signed,
        encode(
          await sealed(await signerOf(services, who, { claims: { iss: issuer } }), statementOf(signed.subject.digest)),
        ),
      );
    const counted = async (): Promise<boolean> => {
      const { store, subject } = signed;
      return (await verifySignatures({ source: store, subject, verifiers: [anybody], threshold: 2 })).verified;
    };
    await sign(ANN);
    await sign(ANN);
    assert.equal(await counted(), false);
    await sign(BOB, "https://elsewhere.example.com");
    assert.equal(await counted(), false, "the issuer of bob is another one");
    await sign(BOB);
    assert.equal(await counted(), true);
  });
});
