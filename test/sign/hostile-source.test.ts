import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError, OciError } from "../../src/error/oci-error.ts";
import { SignatureMedia } from "../../src/sign/media.ts";
import { type VerifyReport, verifySignatures } from "../../src/sign/verify.ts";
import { decorate } from "../../src/store/decorate.ts";
import { hangLayer, openSigned, payloadOf, person, type Signed } from "./scene.ts";

const ann = person("ann");

async function verify(
  signed: Signed,
  extra: Partial<Parameters<typeof verifySignatures>[0]> = {},
): Promise<VerifyReport> {
  return verifySignatures({ source: signed.store, subject: signed.subject, verifiers: [ann.verifier], ...extra });
}

const simple = async (signed: Signed, payload: Uint8Array): Promise<void> =>
  hangLayer(signed, payload, (await ann.signer.sign(payload)).bytes);

describe("verification against a source that is hostile or fails", () => {
  test("more signatures than the cap, and more bytes: not verified by a part of them", async () => {
    const signed = await openSigned();
    for (let at = 0; at < 4; at += 1) await simple(signed, payloadOf(signed.subject.digest, { optional: { at } }));
    assert.equal((await verify(signed, { limits: { signatures: 4 } })).verified, true);
    for (const limits of [{ signatures: 3 }, { bytes: 1000 }]) {
      await assert.rejects(verify(signed, { limits }), (error) => isOciError(error, "LIMIT_EXCEEDED"));
    }
  });

  test("referrers without end", async () => {
    const signed = await openSigned();
    let given = 0;
    const endless = decorate(signed.store, {
      async *referrers() {
        for (;;) {
          given += 1;
          yield { descriptor: { ...signed.other, artifactType: SignatureMedia.Bundle }, via: "api" as const };
        }
      },
    });
    await assert.rejects(verify({ ...signed, store: endless }), (error) => isOciError(error, "LIMIT_EXCEEDED"));
    assert.ok(given < 2000);
  });

  test("a signature that says it is larger than any may be", async () => {
    const signed = await openSigned();
    await simple(signed, payloadOf(signed.subject.digest));
    const huge = decorate(signed.store, {
      async *referrers(subject, options) {
        for await (const each of signed.store.referrers(subject, options)) {
          yield { ...each, descriptor: { ...each.descriptor, size: 2 ** 40 } };
        }
      },
    });
    const limits = { bytes: 2 ** 50 };
    await assert.rejects(verify({ ...signed, store: huge }, { limits }), (error) =>
      isOciError(error, "LIMIT_EXCEEDED"),
    );
  });

  test("a registry that fails is not an image without signatures", async () => {
    for (const code of ["NAME_UNKNOWN", "NETWORK", "TOOMANYREQUESTS", "DENIED", "UNAUTHORIZED", "PROTOCOL"] as const) {
      const fail = async function* (): AsyncGenerator<never> {
        yield* [];
        throw new OciError(code, "It failed");
      };
      const signed = await openSigned();
      await simple(signed, payloadOf(signed.subject.digest));
      const listing = decorate(signed.store, { referrers: fail });
      const manifests = decorate(signed.store, { fetch: fail });
      const content = decorate(signed.store, {
        fetch: (descriptor, options) => (options?.kind === "blob" ? fail() : signed.store.fetch(descriptor, options)),
      });
      for (const store of [listing, manifests, content]) {
        await assert.rejects(verify({ ...signed, store }), (error) => isOciError(error, code));
      }
    }
  });

  test("a signature that is listed and gone", async () => {
    const signed = await openSigned();
    await simple(signed, payloadOf(signed.subject.digest));
    const gone = decorate(signed.store, {
      async *fetch(descriptor) {
        yield* [];
        throw new OciError("BLOB_UNKNOWN", `${descriptor.digest} is not there`);
      },
    });
    const { verified, signatures } = await verify({ ...signed, store: gone });
    assert.equal(verified, false);
    assert.match(signatures[0]?.reason ?? "", /not there/);
  });

  test("nothing is asked by a name: a tag that moves meanwhile changes nothing", async () => {
    const signed = await openSigned();
    await simple(signed, payloadOf(signed.subject.digest));
    const nameless = decorate(signed.store, {
      resolve: () => assert.fail("a name was resolved"),
      tags: () => assert.fail("names were listed"),
    });
    assert.equal((await verify({ ...signed, store: nameless })).verified, true);
  });
});
