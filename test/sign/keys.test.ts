import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { decryptKey, encryptKey } from "../../src/sign/encrypted-key.ts";
import { createKeySigner, createKeyVerifier, keyIdOf } from "../../src/sign/key.ts";
import {
  encodePrivateKey,
  encodePublicKey,
  generateKey,
  parsePrivateKey,
  parsePublicKey,
} from "../../src/sign/key-file.ts";
import { KEY_KINDS } from "../../src/sign/key-kind.ts";
import { encodePem, parsePem } from "../../src/sign/pem.ts";
import { fixture, PASSWORD } from "./scene.ts";

const password = (text: string) => () => Promise.resolve(text);
const unasked = (): never => assert.fail("a password was asked for");

describe("keys of cosign", () => {
  test("are opened with their password, and give the public key that lies beside them", async () => {
    for (const name of ["p256", "ed25519"]) {
      const key = await parsePrivateKey(await fixture(`${name}.key`), password(PASSWORD));
      assert.equal(encodePublicKey(key), (await fixture(`${name}.pub`)).toString());
    }
  });

  test("stay closed to any other password", async () => {
    const bytes = await fixture("p256.key");
    for (const wrong of ["", "fixtur", "fixture ", "Fixture"]) {
      await assert.rejects(parsePrivateKey(bytes, password(wrong)), (error) => isOciError(error, "FILE_INVALID"));
    }
  });

  test("are written so that they are opened again, under both labels of cosign", async () => {
    const key = await generateKey();
    for (const secret of ["secret", "", "pässwörd"]) {
      const text = await encodePrivateKey(key, secret);
      assert.match(text, /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n(?:.{1,64}\n)+-----END [A-Z ]+-----\n$/);
      for (const label of ["SIGSTORE", "COSIGN"]) {
        const again = await parsePrivateKey(Buffer.from(text.replaceAll("SIGSTORE", label)), password(secret));
        assert.ok(again.equals(key));
      }
    }
  });

  test("have the form that cosign reads", async () => {
    const { bytes } = parsePem(await encodePrivateKey(await generateKey(), PASSWORD), "key");
    const { bytes: theirs } = parsePem((await fixture("p256.key")).toString(), "key");
    const shape = (json: Uint8Array): string =>
      Buffer.from(json)
        .toString()
        .replaceAll(/"[A-Za-z0-9+/]{20,}=*"/g, '"…"');
    assert.equal(shape(bytes), shape(theirs));
  });
});

describe("hostile key files", () => {
  const sealed = async (): Promise<string> => Buffer.from(await encryptKey(Buffer.from("key"), PASSWORD)).toString();

  test("cannot ask for endless work or memory", async () => {
    const text = await sealed();
    for (const [from, to] of [
      ['"N":65536', `"N":${2 ** 30}`],
      ['"r":8', '"r":1048576'],
      ['"p":1', '"p":1000000'],
    ] as const) {
      await assert.rejects(decryptKey(Buffer.from(text.replace(from, to)), PASSWORD), (error) =>
        isOciError(error, "LIMIT_EXCEEDED"),
      );
    }
  });

  test("are refused for anything that is not as cosign has it", async () => {
    const text = await sealed();
    const broken = [
      "",
      "[]",
      text.slice(1),
      text.replace("scrypt", "pbkdf2"),
      text.replace("nacl/secretbox", "none"),
      text.replace('"N":65536', '"N":65535'),
      text.replace('"N":65536', '"N":-1'),
      text.replace('"N":65536', '"N":"65536"'),
      text.replace('"p":1', '"q":1'),
      text.replace(/"nonce":"[^"]+"/, '"nonce":"AAAA"'),
      text.replace(/"salt":"[^"]+"/, '"salt":""'),
      text.replace(/"ciphertext":"(.)/, '"ciphertext":"%'),
      text.replace(/"ciphertext":"[^"]+"/, '"ciphertext":"AAAA"'),
    ];
    for (const each of broken) {
      await assert.rejects(decryptKey(Buffer.from(each), PASSWORD), (error) => isOciError(error, "FILE_INVALID"), each);
    }
  });

  test("are not read past their cap, and no message has their text", async () => {
    await assert.rejects(parsePrivateKey(Buffer.alloc(65 * 1024, "a"), unasked), (error) =>
      isOciError(error, "LIMIT_EXCEEDED"),
    );
    const secret = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    await assert.rejects(
      parsePrivateKey(Buffer.from(secret), unasked),
      (error: Error) => !error.message.includes("c2Vj"),
    );
  });
});

describe("keys of other tools", () => {
  test("every kind that is made signs and verifies, and nothing else does", async () => {
    for (const kind of KEY_KINDS) {
      const key = await generateKey(kind);
      const signer = createKeySigner(key, kind);
      const verifier = createKeyVerifier(createPublicKey(key), kind);
      assert.equal(signer.algorithm, verifier.algorithm);
      assert.equal(signer.keyId, verifier.keyId);
      const message = Buffer.from(kind);
      const { bytes: signature } = await signer.sign(message);
      assert.equal((await verifier.verify({ message, signature })).valid, true, kind);
      assert.equal((await verifier.verify({ message: Buffer.from("other"), signature })).valid, false, kind);
      const bent = Buffer.from(signature);
      bent[bent.length - 1] = (bent.at(-1) ?? 0) ^ 1;
      assert.equal((await verifier.verify({ message, signature: bent })).valid, false, kind);
    }
  });

  test("are read as PKCS#8, PKCS#1 and SEC 1, encrypted or not", async () => {
    const { privateKey: rsa } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const { privateKey: ec } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const plain = [
      [rsa, rsa.export({ type: "pkcs1", format: "pem" })],
      [ec, ec.export({ type: "sec1", format: "pem" })],
      [ec, ec.export({ type: "pkcs8", format: "pem" })],
    ] as const;
    for (const [key, pem] of plain) assert.ok((await parsePrivateKey(Buffer.from(pem), unasked)).equals(key));
    const pem = ec.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });
    assert.ok((await parsePrivateKey(Buffer.from(pem), password("x"))).equals(ec));
    await assert.rejects(parsePrivateKey(Buffer.from(pem), password("y")), (error) =>
      isOciError(error, "FILE_INVALID"),
    );
  });

  test("that are too weak or unknown are refused, and public and private are told apart", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
    const x = generateKeyPairSync("x25519");
    for (const { privateKey, publicKey } of [weak, k1, x]) {
      const secret = Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" }));
      await assert.rejects(parsePrivateKey(secret, unasked), (error) => isOciError(error, "FILE_INVALID"));
      const shown = Buffer.from(publicKey.export({ type: "spki", format: "pem" }));
      assert.throws(
        () => parsePublicKey(shown),
        (error) => isOciError(error, "FILE_INVALID"),
      );
    }
    await assert.rejects(parsePrivateKey(await fixture("p256.pub"), unasked), /public key, a private one/);
    assert.throws(
      () => parsePublicKey(Buffer.from(k1.privateKey.export({ type: "pkcs8", format: "pem" }))),
      /expected a public key/,
    );
    for (const text of ["", "x", "-----BEGIN PUBLIC KEY-----\n%%%\n-----END PUBLIC KEY-----"]) {
      assert.throws(
        () => parsePublicKey(Buffer.from(text)),
        (error) => isOciError(error, "FILE_INVALID"),
      );
    }
  });

  test("have cosign's name for the key", async () => {
    const bundle = JSON.parse((await fixture("file.p256.sigstore.json")).toString()) as {
      verificationMaterial: { publicKey: { hint: string } };
    };
    assert.equal(keyIdOf(parsePublicKey(await fixture("p256.pub"))), bundle.verificationMaterial.publicKey.hint);
  });

  test("PEM goes both ways", () => {
    for (const length of [0, 1, 48, 49, 200]) {
      const block = { label: "TEST", bytes: Buffer.alloc(length, 7) };
      assert.deepEqual(parsePem(`noise\n${encodePem(block)}noise`, "block"), block);
    }
  });
});
