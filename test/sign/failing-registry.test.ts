import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { signManifests } from "../../src/sign/sign.ts";
import { verifySignatures } from "../../src/sign/verify.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { serve } from "../../src/server/serve.ts";
import { scripted, storeOn } from "../remote/scripted.ts";
import { openSigned, person } from "./scene.ts";

const ann = person("ann");
const registry = createMemoryRegistry();
let server: Awaited<ReturnType<typeof serve>>;
let subject: Descriptor;

before(async () => {
  server = await serve({ registry, host: "127.0.0.1", port: 0 });
  const store = await registry.repository("app");
  ({ subject } = await openSigned(store));
  for (const storage of ["referrer", "tag"] as const) {
    await signManifests({ subjects: [{ target: store, descriptor: subject }], signer: ann.signer, storage });
  }
});
after(async () => {
  await server.close(0);
  await registry[Symbol.asyncDispose]();
});

/** Verifies through a server that passes everything on, except what it answers with a failure. */
async function verifyThrough(
  status: number | undefined,
  what: RegExp,
): Promise<{ verified: boolean; refused: number }> {
  let refused = 0;
  await using proxy = await scripted(async ({ method, url, headers }, response) => {
    if (status !== undefined && what.test(url)) {
      refused += 1;
      response.writeHead(status, { "retry-after": "0" }).end();
      return;
    }
    const accept = headers.accept ?? "*/*";
    const answer = await fetch(new URL(url, server.url), { method, headers: { accept } });
    const { "content-encoding": _, ...passed } = Object.fromEntries(answer.headers);
    response.writeHead(answer.status, passed).end(Buffer.from(await answer.arrayBuffer()));
  });
  await using source = await storeOn(proxy, { repository: "app", retries: 1 });
  const { verified } = await verifySignatures({ source, subject, verifiers: [ann.verifier] });
  return { verified, refused };
}

test("a registry that answers everything is the measure", async () => {
  assert.deepEqual(await verifyThrough(undefined, /^/), { verified: true, refused: 0 });
});

for (const status of [401, 403, 429, 500, 502, 503]) {
  for (const [name, what] of [
    ["the list of referrers", /\/referrers\//],
    ["the list of tags", /\/tags\/list/],
    ["manifests", /\/manifests\//],
    ["blobs", /\/blobs\//],
  ] as const) {
    test(`${status} for ${name} is a failure, and not an image without signatures`, async () => {
      await assert.rejects(verifyThrough(status, what), (error) => isOciError(error));
    });
  }
}

test("404 for what is listed verifies nothing", async () => {
  for (const what of [/\/manifests\//, /\/blobs\//]) {
    const { verified, refused } = await verifyThrough(404, what);
    assert.equal(verified, false);
    assert.ok(refused > 0);
  }
});
