import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isOciError } from "../../src/error/oci-error.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { parseManifest } from "../../src/spec/manifest.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import { copy } from "../../src/transfer/copy.ts";
import { filesBelow } from "../cli/fixture.ts";
import { blob, json, type Piece } from "../support/content.ts";
import { reply, scripted, storeOn } from "./scripted.ts";

const HEX = "a".repeat(64);
const GOOD = blob("content").descriptor;

/** What stands in the place of a digest, and would be a path or a URL. */
const digests: readonly unknown[] = [
  "sha256:../../../../secret",
  `sha256:${HEX}/../../../secret`,
  `sha256:${HEX}/../../other/manifests/x`,
  "sha256:",
  `sha256:${"A".repeat(64)}`,
  `sha256:${"a".repeat(63)}`,
  `sha256:${"a".repeat(65)}`,
  `sha512:${HEX}`,
  `sha256:${HEX}\n`,
  `sha256:${HEX}?x=`,
  `sha256:%2e%2e%2f${"a".repeat(55)}`,
  HEX,
  "../../secret",
  null,
  7,
];

const fields: Readonly<Record<string, (digest: unknown) => Piece>> = {
  config: (digest) => imageWith({ config: { ...GOOD, digest } }),
  layers: (digest) => imageWith({ layers: [GOOD, { ...GOOD, digest }] }),
  subject: (digest) => imageWith({ subject: { ...GOOD, digest } }),
  manifests: (digest) =>
    json({ schemaVersion: 2, mediaType: MediaType.ImageIndex, manifests: [{ ...GOOD, digest }] }, MediaType.ImageIndex),
};

function imageWith(changes: object): Piece {
  const document = { schemaVersion: 2, mediaType: MediaType.ImageManifest, config: GOOD, layers: [GOOD], ...changes };
  return json(document, MediaType.ImageManifest);
}

describe("a manifest of a hostile registry", () => {
  for (const [field, manifestWith] of Object.entries(fields)) {
    test(`whose ${field} has a digest that is none asks for nothing and writes nothing`, async () => {
      for (const digest of digests) {
        const manifest = manifestWith(digest);
        await using server = await scripted(({ method, url }, response) => {
          const headers = {
            "content-type": manifest.descriptor.mediaType,
            "docker-content-digest": manifest.descriptor.digest,
            "content-length": `${manifest.bytes.length}`,
          };
          if (url.includes("/manifests/"))
            return reply(response, 200, headers, method === "HEAD" ? "" : manifest.bytes);
          return reply(response, 200, {}, "secret");
        });
        await using folder = await mkdtempDisposable(join(tmpdir(), "berth-hostile-"));
        await mkdir(join(folder.path, "a/b"), { recursive: true });
        await writeFile(join(folder.path, "secret"), "mine");
        await using target = await openLayout(join(folder.path, "a/b/layout"), { create: true });
        const before = await filesBelow(folder.path);
        await using source = await storeOn(server);
        const copied = copy({ source, target, roots: [{ descriptor: manifest.descriptor, tags: ["v1"] }] });
        await assert.rejects(
          copied,
          (error) => isOciError(error, "MANIFEST_INVALID", "DIGEST_INVALID"),
          `${field}: ${JSON.stringify(digest)}`,
        );
        assert.deepEqual(await filesBelow(folder.path), before);
        for (const line of server.lines) {
          assert.ok(line.includes(`/${manifest.descriptor.digest}`), `${JSON.stringify(digest)}: ${line}`);
        }
      }
    });
  }

  test("with null, an array or a number in any field is read or refused, and nothing falls over", () => {
    const types = [
      MediaType.ImageManifest,
      MediaType.ImageIndex,
      MediaType.DockerManifest,
      MediaType.DockerManifestList,
    ];
    const keys = [
      "schemaVersion",
      "mediaType",
      "config",
      "layers",
      "manifests",
      "subject",
      "annotations",
      "artifactType",
    ];
    const whole = {
      schemaVersion: 2,
      config: GOOD,
      layers: [GOOD],
      manifests: [{ ...GOOD, platform: { os: "linux", architecture: "amd64" } }],
      subject: GOOD,
      annotations: { key: "value" },
    };
    const odd = fc.oneof(
      fc.constantFrom<unknown>(null, [], {}, 0, -1, 1e300, "", true, [null], [[]], { digest: null }, { "": 0 }),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.constantFrom(...keys), odd, (mediaType, key, value) => {
        const { layers, config, manifests, ...rest } = whole;
        const own = mediaType.includes("index") || mediaType.includes("list") ? { manifests } : { layers, config };
        const text = JSON.stringify({ ...rest, ...own, mediaType, [key]: value });
        try {
          parseManifest(Buffer.from(text), mediaType);
        } catch (error) {
          assert.ok(
            isOciError(error, "MANIFEST_INVALID", "LIMIT_EXCEEDED", "DIGEST_INVALID"),
            `${text}: ${String(error)}`,
          );
        }
      }),
      { numRuns: 2000 },
    );
  });
});
