import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import type { Digest } from "../../src/spec/digest.ts";
import { formatPurl, parsePurl } from "../../src/spec/purl.ts";

const DIGEST = `sha256:${"a".repeat(64)}` as Digest;
const ESCAPED = DIGEST.replace(":", "%3A");

describe("package URLs of the type oci", () => {
  const read: readonly (readonly [string, object])[] = [
    [
      `pkg:oci/debian@${ESCAPED}?repository_url=docker.io/library/debian&arch=amd64&tag=latest`,
      { host: "docker.io", repository: "library/debian", tag: "latest", digest: DIGEST, architecture: "amd64" },
    ],
    [
      `pkg:oci/static@${DIGEST}?repository_url=gcr.io/distroless/static`,
      { host: "gcr.io", repository: "distroless/static", digest: DIGEST },
    ],
    ["pkg:oci/app?repository_url=localhost:5000&tag=v1", { host: "localhost:5000", repository: "app", tag: "v1" }],
    ["pkg:oci/app?repository_url=https://ghcr.io/org/app/", { host: "ghcr.io", repository: "org/app" }],
  ];
  for (const [text, expected] of read) {
    test(text, () => {
      assert.deepEqual(parsePurl(text), { medium: "registry", ...expected });
    });
  }

  for (const text of [
    "pkg:oci/app",
    "pkg:oci/app@v1?repository_url=ghcr.io/org/app",
    "pkg:oci/app?repository_url=ghcr.io/org",
    "pkg:oci/org/app?repository_url=ghcr.io/org/app",
    "pkg:oci/app?repository_url=ghcr.io/org/app#bin/sh",
    "pkg:npm/app@1.0.0",
    "pkg:",
    "pkg:oci/app@%",
  ]) {
    test(`${text} is an error`, () => {
      assert.throws(
        () => parsePurl(text),
        (error) => isOciError(error, "LOCATOR_INVALID"),
      );
    });
  }

  test("what is written is read back", () => {
    for (const place of [
      { host: "localhost:5000", repository: "org/app", tag: "v1" },
      { host: "docker.io", repository: "library/alpine" },
      { host: "[::1]:5000", repository: "a/b-c_d" },
    ]) {
      assert.deepEqual(parsePurl(formatPurl(place, DIGEST)), { medium: "registry", ...place, digest: DIGEST });
    }
  });
});
