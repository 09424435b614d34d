#!/usr/bin/env node
// A plug-in of notation as somebody might write one, for tests: its key and certificates lie beside it, and its
// name and `keyId` say how it behaves.
const { constants, createPrivateKey, sign } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { basename, dirname, join } = require("node:path");

const folder = dirname(process.argv[1]);
const name = basename(process.argv[1]).replace(/^notation-/, "");
const command = process.argv[2];
const request = JSON.parse(readFileSync(0, "utf8"));
const behaviour = request.pluginConfig?.behaviour ?? "well";

function answer(document) {
  process.stdout.write(JSON.stringify(document));
}

function flood() {
  process.stdout.write("x".repeat(1024 * 1024), flood);
}

function chain() {
  const pem = readFileSync(join(folder, "chain.pem"), "utf8");
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END/g)].map(([, body]) => body.replaceAll(/\s/g, ""));
}

function signature(message) {
  const key = createPrivateKey(readFileSync(join(folder, "key.pem")));
  const form =
    key.asymmetricKeyType === "ec"
      ? { key, dsaEncoding: "ieee-p1363" }
      : { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return sign("sha256", message, form).toString("base64");
}

if (behaviour === "hangs") setInterval(() => {}, 1000);
else if (behaviour === "floods") flood();
else if (behaviour === "nonsense") process.stdout.write("<html>");
else if (behaviour === "fails") {
  process.stderr.write(JSON.stringify({ errorCode: "VALIDATION_ERROR", errorMessage: "no such key \u001b[31m" }));
  process.exitCode = 1;
} else if (behaviour === "denies") {
  process.stderr.write(JSON.stringify({ errorCode: "ACCESS_DENIED", errorMessage: "not you" }));
  process.exitCode = 1;
} else if (command === "get-plugin-metadata") {
  answer({
    name: behaviour === "misnamed" ? "another" : name,
    description: "for tests",
    version: "1.0.0",
    url: "https://example.com",
    supportedContractVersions: behaviour === "newer" ? ["2.0"] : ["1.0"],
    capabilities: [
      behaviour === "verifies"
        ? "SIGNATURE_VERIFIER.TRUSTED_IDENTITY"
        : name.includes("envelope")
          ? "SIGNATURE_GENERATOR.ENVELOPE"
          : "SIGNATURE_GENERATOR.RAW",
    ],
  });
} else if (command === "describe-key") {
  answer({
    keyId: behaviour === "otherkey" ? "other" : request.keyId,
    keySpec: behaviour === "oddkey" ? "RSA-1024" : "EC-256",
  });
} else if (command === "generate-signature") {
  const message = Buffer.from(request.payload, "base64");
  answer({
    keyId: request.keyId,
    signature: signature(behaviour === "changes" ? Buffer.from("something else") : message),
    signingAlgorithm: behaviour === "weaker" ? "ECDSA-SHA-1" : "ECDSA-SHA-256",
    certificateChain: behaviour === "nochain" ? [] : chain(),
  });
} else if (command === "generate-envelope") {
  const payload = JSON.parse(Buffer.from(request.payload, "base64").toString());
  if (behaviour === "changes") payload.targetArtifact.digest = `sha256:${"0".repeat(64)}`;
  if (behaviour === "unclaims") delete payload.targetArtifact.annotations;
  const now = new Date();
  const time = (date) => date.toISOString().replace(/\.\d+Z$/, "Z");
  const scheme = "io.cncf.notary.signingScheme";
  const expiry = "io.cncf.notary.expiry";
  const expires = request.expiryDurationInSeconds;
  const head = Buffer.from(
    JSON.stringify({
      alg: "ES256",
      cty: request.payloadType,
      crit: [scheme, ...(expires === undefined ? [] : [expiry])],
      [scheme]: "notary.x509",
      "io.cncf.notary.signingTime": time(now),
      ...(expires === undefined ? {} : { [expiry]: time(new Date(now.getTime() + expires * 1000)) }),
    }),
  ).toString("base64url");
  const body = Buffer.from(JSON.stringify(payload)).toString("base64url");
  const made = {
    payload: body,
    protected: head,
    header: { x5c: chain() },
    signature: Buffer.from(signature(Buffer.from(`${head}.${body}`)), "base64").toString("base64url"),
  };
  answer({
    signatureEnvelope: Buffer.from(JSON.stringify(made)).toString("base64"),
    signatureEnvelopeType: behaviour === "othertype" ? "application/cose" : request.signatureEnvelopeType,
    annotations: { "com.example.note": "by a plug-in", "org.opencontainers.image.created": "1999-01-01T00:00:00Z" },
  });
}
