import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNamePattern } from "../../src/spec/name-pattern.ts";
import { image, index } from "../support/content.ts";
import { MEDIA, openProbe, putManifest } from "./probe.ts";

for (const medium of MEDIA) {
  test(`${medium}: a repository with validation none takes a manifest without its layers, its neighbour does not`, async () => {
    await using probe = await openProbe(medium, { sparse: parseNamePattern("mirror/**") });
    const { manifest } = image("elsewhere");
    assert.equal((await putManifest(probe, "mirror/app", manifest, "v1")).status, 201);
    const got = await probe.send("GET", "/v2/mirror/app/manifests/v1");
    assert.deepEqual(got.bytes, Buffer.from(manifest.bytes));
    const refused = await putManifest(probe, "app", manifest, "v1");
    assert.equal(refused.code, "MANIFEST_BLOB_UNKNOWN");
    assert.equal((await probe.send("HEAD", "/v2/app/manifests/v1")).status, 404);
    // The manifests that an index lists may be elsewhere in any repository.
    assert.equal((await putManifest(probe, "app", index([manifest.descriptor]), "all")).status, 201);
  });
}
