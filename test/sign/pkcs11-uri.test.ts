import assert from "node:assert/strict";
import { test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { parsePkcs11Uri } from "../../src/sign/pkcs11/uri.ts";

test("a PKCS #11 URI names a key by what tokens have", () => {
  assert.deepEqual(parsePkcs11Uri("pkcs11:token=berth%20test;object=release"), {
    token: "berth test",
    object: "release",
  });
  assert.deepEqual(parsePkcs11Uri("pkcs11:slot-id=3;id=%01%ff;type=private?module-path=/l.so&pin-source=file:/pin"), {
    slot: 3,
    id: "01ff",
    module: "/l.so",
    pinFile: "/pin",
  });
  assert.equal(parsePkcs11Uri("pkcs11:token=schl%C3%BCssel;id=a").token, "schlüssel");
  assert.equal(parsePkcs11Uri("pkcs11:token=t;id=a?pin-source=file:///run/pin").pinFile, "/run/pin");
  assert.equal(parsePkcs11Uri("pkcs11:token=t;id=a?pin-source=pin.txt").pinFile, "pin.txt");
});

test("whatever could name another key, or show a PIN, is refused", () => {
  const wrong = [
    "pkcs11:",
    "pkcs11:token=a",
    "pkcs11:object=a",
    "pkcs11:token=a;slot-id=1;object=b",
    "pkcs11:token=a;object=b;object=c",
    "pkcs11:token=a;object=b?token=c",
    "pkcs11:token=a;object=b;serial=1",
    "pkcs11:token=a;object=b;manufacturer=c",
    "pkcs11:token=a;object=b;type=cert",
    "pkcs11:token=a;object=b?pin-value=9876",
    "pkcs11:token=a;object=b?pin-source=|cat",
    "pkcs11:token=a;object=b?pin-source=https://h/pin",
    "pkcs11:token=a;object=b?module-path=/l?x",
    "pkcs11:token=--slot;object=b",
    "pkcs11:token=a;object=%0Ab",
    "pkcs11:token=a;object=%ff",
    "pkcs11:token=a;object=%2",
    "pkcs11:token=;object=b",
    "pkcs11:slot-id=-1;object=b",
    "pkcs11:slot-id=0x1;object=b",
    `pkcs11:token=a;object=${"b".repeat(5000)}`,
    "pkcs12:token=a;object=b",
  ];
  for (const each of wrong) {
    assert.throws(
      () => parsePkcs11Uri(each),
      (error) => isOciError(error, "USAGE") && !error.message.includes("9876") && !error.hint.includes("9876"),
      each,
    );
  }
});
