import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readCertificate } from "../../src/sign/certificate.ts";
import { payloadOfEncoding, preAuthEncoding } from "../../src/sign/dsse.ts";
import { ANN, certificateIn, sealed, signerOf } from "./keyless-scene.ts";
import { ISSUER, openServices } from "./sigstore-services.ts";

/** Object identifiers as DER has them. */
const CODE_SIGNING = Buffer.from("2b06010505070303", "hex");
const ALTERNATIVE_NAME = Buffer.from("0603551d11", "hex");
const ISSUER_RAW = Buffer.from("2b0601040183bf300101", "hex");
const ISSUER_TEXT = Buffer.from("2b0601040183bf300108", "hex");

describe("a certificate", () => {
  const owned = new AsyncDisposableStack();
  let certificate: Buffer;
  let authority: Buffer;
  before(async () => {
    const services = owned.use(await openServices());
    certificate = certificateIn(await sealed(await signerOf(services, ANN), Buffer.from("{}")));
    const [{ certChain } = assert.fail()] = services.root.certificateAuthorities;
    authority = Buffer.from(certChain.certificates[0]?.rawBytes ?? "", "base64");
  });
  after(() => owned.disposeAsync());

  /** Changes bytes behind a place; their number stays, so the structure does. */
  function changed(place: Buffer, offset: number, bytes: Buffer): Buffer {
    const at = certificate.indexOf(place);
    assert.notEqual(at, -1);
    const copy = Buffer.from(certificate);
    bytes.copy(copy, at + offset);
    return copy;
  }
  /** The same behind a text that stands after a place. */
  function inText(place: Buffer, text: string, bytes: Buffer): Buffer {
    const copy = Buffer.from(certificate);
    const at = copy.indexOf(text, copy.indexOf(place), "latin1");
    assert.notEqual(at, -1);
    bytes.copy(copy, at);
    return copy;
  }

  test("names its subject and issuer, for some minutes", () => {
    const { subject, issuer, notBefore, notAfter } = readCertificate(certificate);
    assert.deepEqual({ subject, issuer }, { subject: ANN, issuer: ISSUER });
    assert.equal(notAfter.getTime() - notBefore.getTime(), 600_000);
  });

  for (const [what, make, reason] of [
    ["of an authority", () => authority, /one of an authority/],
    ["for servers", () => changed(CODE_SIGNING, 7, Buffer.of(1)), /not made for signing code/],
    ["cut short", () => certificate.subarray(0, 200), /no X\.509/],
    ["of nothing", () => Buffer.alloc(0), /no X\.509/],
    [
      "with a name whose bytes are another text to others",
      () => inText(ALTERNATIVE_NAME, ANN, Buffer.of(0x61 | 0x80)),
      /must be ASCII/,
    ],
    ["with a line break in its name", () => inText(ALTERNATIVE_NAME, ANN, Buffer.from("\n")), /must be ASCII/],
    [
      "with an IP address for a name",
      () => inText(ALTERNATIVE_NAME, `\x86${String.fromCharCode(ANN.length)}${ANN}`, Buffer.of(0x87)),
      /neither an address nor/,
    ],
    ["with an issuer that is no text", () => inText(ISSUER_TEXT, ISSUER, Buffer.of(0xff)), /must be UTF-8/],
    ["with two issuers", () => inText(ISSUER_RAW, ISSUER, Buffer.from("x")), /names two issuers/],
    ["with an issuer of another type", () => inText(ISSUER_TEXT, "\x0c", Buffer.of(0x16)), /UTF8String/],
    [
      "with two extensions of a kind",
      () => changed(ISSUER_RAW, ISSUER_RAW.length - 1, Buffer.of(8)),
      /it has 2 extensions/,
    ],
  ] as const) {
    test(`is refused where it is ${what}`, () => {
      assert.throws(() => readCertificate(make()), { code: "MANIFEST_INVALID", message: reason });
    });
  }
});

test("the payload of an encoding is what was encoded, and nothing else has one", () => {
  for (const [type, payload] of [
    ["application/vnd.in-toto+json", "{}"],
    ["", ""],
    ["\u0174\u{1f511}", " 2 {}"],
  ] as const) {
    const encoding = preAuthEncoding(type, Buffer.from(payload));
    assert.equal(Buffer.from(payloadOfEncoding(encoding) ?? assert.fail()).toString(), payload);
    assert.equal(payloadOfEncoding(Buffer.concat([encoding, Buffer.of(0)])), undefined);
    assert.equal(payloadOfEncoding(encoding.subarray(0, -1)), undefined);
  }
  for (const text of [
    "",
    "{}",
    "DSSEv1 ",
    "DSSEv1 1 t",
    "DSSEv1 01 t 1 x",
    "DSSEv1 9999999999 t 1 x",
    "DSSEv2 1 t 1 x",
  ]) {
    assert.equal(payloadOfEncoding(Buffer.from(text)), undefined, text);
  }
});
