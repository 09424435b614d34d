import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Exit } from "../../src/error/code.ts";
import { actionsTokens } from "../../src/sign/actions-token.ts";
import { parseIdentityToken } from "../../src/sign/identity-token.ts";
import { createKeylessSigner } from "../../src/sign/keyless-signer.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { ANN } from "./keyless-scene.ts";
import { ISSUER, openServices, type SigstoreServices, tokenOf } from "./sigstore-services.ts";

const now = Math.floor(Date.now() / 1000);

describe("an identity token", () => {
  test("names a subject, or an address that was verified", () => {
    assert.deepEqual(parseIdentityToken(` ${tokenOf(ANN)}\n`), { token: tokenOf(ANN), subject: ANN, issuer: ISSUER });
    const mail = { email: "bob@example.com" };
    assert.equal(parseIdentityToken(tokenOf("1", { ...mail, email_verified: true })).subject, "bob@example.com");
  });

  for (const [what, text, reason] of [
    ["no token", "secret", /expected a JSON Web Token/],
    ["a token of two parts", "c2VjcmV0.c2VjcmV0", /expected a JSON Web Token/],
    ["one that is too long", `a.${"b".repeat(70_000)}.c`, /expected a JSON Web Token/],
    ["one of something else than JSON", "e30.c2VjcmV0.c2VjcmV0", /must be an object/],
    ["one of an array", `e30.${Buffer.from('["secret"]').toString("base64url")}.x`, /must be an object/],
    ["one that expired", tokenOf("secret", { exp: now - 1 }), /it expired at/],
    ["one without an issuer", tokenOf("secret", { iss: "" }), /who issued it/],
    ["one without a subject", tokenOf(""), /whom it is of/],
    ["an address that nobody verified", tokenOf("1", { email: "secret@example.com" }), /did not verify the address/],
  ] as const) {
    test(`is refused where it is ${what}, and is in no message`, () => {
      assert.throws(
        () => parseIdentityToken(text),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "USAGE");
          assert.match(error.message, reason);
          assert.ok(!error.message.includes("secret") && !error.message.includes(text.slice(-20)), error.message);
          return true;
        },
      );
    });
  }
});

describe("where an identity token comes from", () => {
  const owned = new AsyncDisposableStack();
  let services: SigstoreServices;
  let cwd = "";
  let answer: RequestListener = (_, response) => void response.end();
  const seen: { url: string; authorization: string }[] = [];
  let url = "";

  const sign = (more: string, env: Readonly<Record<string, string>> = {}): Promise<RanInside> => {
    const line = `sign ocidir://images:v1 --fulcio-url ${services.url} --rekor-url ${services.url} ${more}`;
    return inside(line.trim().split(" "), { cwd, env });
  };
  const signsAs = async (who: string, ran: Promise<RanInside>): Promise<void> => {
    const { code, err } = await ran;
    assert.equal(code, 0, err);
    const said = await inside(["signatures", "ocidir://images:v1"], { cwd });
    assert.ok(said.out.includes(`said to be by ${who} `), said.out);
  };

  before(async () => {
    services = owned.use(await openServices());
    cwd = owned.use(await workFolder()).path;
    const server = createServer((request, response) => {
      seen.push({ url: request.url ?? "", authorization: request.headers.authorization ?? "" });
      answer(request, response);
    }).listen(0, "127.0.0.1");
    owned.defer(() => void server.close());
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(async () => {
    seen.length = 0;
    await imageLayout(join(cwd, "images"), ["v1"]);
  });
  after(() => owned.disposeAsync());

  test("a file, the environment, and that of a job", async () => {
    await writeFile(join(cwd, "token"), `${tokenOf("file@example.com")}\n`);
    const env = { SIGSTORE_ID_TOKEN: tokenOf("env@example.com"), OTHER: tokenOf("other@example.com") };
    await signsAs("file@example.com", sign("--identity-token token", env));
    await signsAs("other@example.com", sign("--identity-token env://OTHER", env));
    await signsAs("env@example.com", sign("--keyless", env));
    answer = (_, response) => void response.end(JSON.stringify({ value: tokenOf("job@example.com") }));
    const job = { ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?a=b`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "bearer" };
    await signsAs("job@example.com", sign("--keyless", job));
    assert.deepEqual(seen, [{ url: "/token?a=b&audience=sigstore", authorization: "Bearer bearer" }]);
  });

  test("nowhere: then nothing is signed, and no key either", async () => {
    for (const [more, message] of [
      ["--keyless", /Expected an identity token, there is none/],
      ["", /Expected --key, or --keyless with --fulcio-url/],
      ["--key some.key", /either --key or --fulcio-url/],
      ["--keyless --identity-token env://NOTHING", /environment variable NOTHING/],
    ] as const) {
      const { code, err } = await sign(more);
      assert.equal(code, Exit.Usage);
      assert.match(err, message);
    }
    const bare = await inside(["sign", "ocidir://images:v1"], { cwd, env: { SIGSTORE_ID_TOKEN: tokenOf(ANN) } });
    assert.equal(bare.code, Exit.Usage, "an identity is not made public without being asked to");
  });

  test("not the command line, which others can read", async () => {
    const { code, err } = await sign(`--identity-token ${tokenOf(ANN)}`);
    assert.equal(code, Exit.Usage);
    assert.match(err, /got the token itself/);
    assert.ok(!err.includes(tokenOf(ANN).slice(0, 40)));
  });

  for (const [what, respond, code] of [
    ["that refuses", (_, response) => void response.writeHead(403).end("secret"), "UNAUTHORIZED"],
    ["that answers with something else", (_, response) => void response.end("secret"), "PROTOCOL"],
    ["that answers without a token", (_, response) => void response.end('{"value":1}'), "PROTOCOL"],
    ["that sends elsewhere", (_, response) => void response.writeHead(302, { location: "/x" }).end(), "NETWORK"],
    ["that answers too much", (_, response) => void response.end("x".repeat(1 << 20)), "LIMIT_EXCEEDED"],
    ["that hangs up", (request) => void request.socket.destroy(), "NETWORK"],
  ] as const satisfies readonly (readonly [string, RequestListener, string])[]) {
    test(`a job's service ${what} is an error`, async () => {
      answer = respond;
      await assert.rejects(actionsTokens({ url, bearer: "bearer" })({}), (error: Error & { code?: string }) => {
        assert.equal(error.code, code);
        assert.ok(!`${error.message}`.includes("secret") && !error.message.includes("bearer"));
        return true;
      });
      assert.equal(seen.length, 1);
    });
  }

  test("services are spoken to over TLS, but for this machine", () => {
    for (const bad of [
      "http://example.com",
      "http://127.0.0.1.example.com",
      "ftp://127.0.0.1",
      "x",
      "https://u:p@x.com",
    ]) {
      assert.throws(() => actionsTokens({ url: bad, bearer: "b" }), { code: "USAGE" });
    }
  });

  test("an authority that refuses the token is an error without the token", async () => {
    const token = tokenOf(ANN);
    answer = (_, response) => {
      response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ message: `bad ${token}` }));
    };
    const signer = await createKeylessSigner({
      token: async () => token,
      services: { authority: url, logs: [{ url, version: 1 }], timestamps: [] },
    });
    await assert.rejects(signer.sign(Buffer.from("x")), (error: Error & { code?: string }) => {
      assert.equal(error.code, "UNAUTHORIZED");
      assert.match(error.message, /gives ann@example\.com no certificate: \(400\) bad …/);
      return true;
    });
  });

  test("a log that does not answer fails the signing, and whoever stops waiting is let go", async () => {
    answer = (_, response) => void response.writeHead(400).end();
    const deaf = await createKeylessSigner({
      token: async () => tokenOf(ANN),
      services: { authority: services.url, logs: [{ url, version: 1 }], timestamps: [] },
    });
    const signature = await deaf.sign(Buffer.from("x"));
    const content = { kind: "message", message: { signature: signature.bytes } } as const;
    const digest = { algorithm: "sha256", bytes: new Uint8Array(32) } as const;
    const witness = deaf.witness?.({ ...content, message: { ...content.message, digest } }, signature);
    await assert.rejects(witness ?? assert.fail(), { code: "NETWORK" });
    const stop = new AbortController();
    answer = () => stop.abort(new Error("stopped"));
    const never = await createKeylessSigner({
      token: async () => tokenOf(ANN),
      services: { authority: url, logs: [{ url, version: 1 }], timestamps: [] },
    });
    await assert.rejects(never.sign(Buffer.from("x"), { signal: stop.signal }), { message: "stopped" });
  });
});
