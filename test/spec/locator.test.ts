import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { formatLocator, layoutHint, type Locator, parseLocator } from "../../src/spec/locator.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;

/** Spelling, its canonical form, and the medium it names. */
const accepted: readonly (readonly [string, string, Locator["medium"]])[] = [
  ["alpine", "docker.io/library/alpine", "registry"],
  ["alpine:3.20", "docker.io/library/alpine:3.20", "registry"],
  ["me/app", "docker.io/me/app", "registry"],
  ["docker.io/alpine", "docker.io/library/alpine", "registry"],
  ["index.docker.io/me/app:1", "docker.io/me/app:1", "registry"],
  ["localhost/app", "localhost/app", "registry"],
  ["localhost:5000/app:v1", "localhost:5000/app:v1", "registry"],
  ["ghcr.io/o/r:t", "ghcr.io/o/r:t", "registry"],
  [`ghcr.io/o/r@${DIGEST}`, `ghcr.io/o/r@${DIGEST}`, "registry"],
  [`ghcr.io/o/r:t@${DIGEST}`, `ghcr.io/o/r:t@${DIGEST}`, "registry"],
  ["[::1]:5000/app", "[::1]:5000/app", "registry"],
  ["HOST/app", "HOST/app", "registry"],
  ["docker://alpine:3", "docker.io/library/alpine:3", "registry"],
  ["docker://127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c", "registry"],
  ["oci://ghcr.io/charts/app:1.0.0", "ghcr.io/charts/app:1.0.0", "registry"],
  ["oci://registry/charts/app", "oci://registry/charts/app", "registry"],
  ["registry:2", "docker.io/library/registry:2", "registry"],
  ["ocidir://dir", "ocidir://dir", "layout"],
  ["ocidir://dir/sub:v1", "ocidir://dir/sub:v1", "layout"],
  ["ocidir:///abs/dir:v1", "ocidir:///abs/dir:v1", "layout"],
  [`ocidir://dir@${DIGEST}`, `ocidir://dir@${DIGEST}`, "layout"],
  [`ocidir://dir:v1@${DIGEST}`, `ocidir://dir:v1@${DIGEST}`, "layout"],
  ["oci:dir", "ocidir://dir", "layout"],
  ["oci:dir:v1", "ocidir://dir:v1", "layout"],
  ["oci:/abs/dir:v1", "ocidir:///abs/dir:v1", "layout"],
  ["oci:.", "ocidir://.", "layout"],
  ["oci:dir:docker.io/library/busybox:latest", "ocidir://dir:docker.io/library/busybox:latest", "layout"],
  ["oci:dir:localhost:5000/app:v1", "ocidir://dir:localhost:5000/app:v1", "layout"],
  ["oci-dir:dir", "ocidir://dir", "layout"],
  ["oci-layout://dir:v1", "ocidir://dir:v1", "layout"],
  ["oci-layout:dir:v1", "ocidir://dir:v1", "layout"],
  ["./dir", "ocidir://./dir", "layout"],
  ["./dir:v1", "ocidir://./dir:v1", "layout"],
  ["../dir:v1", "ocidir://../dir:v1", "layout"],
  ["/abs/dir/", "ocidir:///abs/dir", "layout"],
  [".", "ocidir://.", "layout"],
  ["..:v1", "ocidir://..:v1", "layout"],
  ["/", "ocidir:///", "layout"],
  ["./a:b/", "ocidir://./a:b/", "layout"],
  ["./a:b/:v1", "ocidir://./a:b/:v1", "layout"],
  ["./a@b/:v1", "ocidir://./a@b/:v1", "layout"],
  ["./x.tar", "oci-archive:./x.tar", "archive"],
  ["../x.tar.gz:v1", "oci-archive:../x.tar.gz:v1", "archive"],
  ["oci-archive:x.tar", "oci-archive:x.tar", "archive"],
  [`oci-archive:x.tgz:v1@${DIGEST}`, `oci-archive:x.tgz:v1@${DIGEST}`, "archive"],
  ["oci-archive:-", "oci-archive:-", "archive"],
  ["oci-archive:-:v1", "oci-archive:-:v1", "archive"],
  ["docker-archive:x.tar", "docker-archive:x.tar", "docker-archive"],
  ["docker-archive:x.tar:app:v1", "docker-archive:x.tar:app:v1", "docker-archive"],
  ["docker-archive:-:ghcr.io/o/app:v1", "docker-archive:-:ghcr.io/o/app:v1", "docker-archive"],
];

/** Spelling, error code, and what the message or the hint has to say. */
const refused: readonly (readonly [string, string, RegExp])[] = [
  ["", "LOCATOR_INVALID", /ocidir:\/\/path:tag/],
  ["oci:///abs/dir", "LOCATOR_INVALID", /ocidir:\/\/\/abs\/dir for a layout directory, or oci:\/\/host\/repo/],
  ["oci://dir", "LOCATOR_INVALID", /ocidir:\/\/dir for a layout/],
  ["oci://./dir", "LOCATOR_INVALID", /ocidir:\/\/\.\/dir/],
  ["https://ghcr.io/o/r:t", "LOCATOR_INVALID", /Write ghcr\.io\/o\/r:t/],
  ["http://h:5000/r", "LOCATOR_INVALID", /Write h:5000\/r and add --plain-http/],
  ["s3://bucket/x", "LOCATOR_INVALID", /unknown scheme s3:\/\//],
  ["dir:./x", "LOCATOR_INVALID", /not a medium of berth/],
  ["docker-daemon:alpine:3", "LOCATOR_INVALID", /skopeo copy/],
  ["containers-storage:alpine", "LOCATOR_INVALID", /not a medium/],
  ["ocifile://x", "LOCATOR_INVALID", /ocidir:\/\/x|unknown scheme/],
  ["ocidir://", "LOCATOR_INVALID", /path is missing/],
  ["oci::v1", "LOCATOR_INVALID", /path is missing/],
  ["oci:dir:", "TAG_INVALID", /Invalid tag ""/],
  ["oci:dir:-v1", "TAG_INVALID", /Invalid tag "-v1"/],
  ["./dir:no way", "TAG_INVALID", /a path that has a colon is written with a \/ at its end/],
  ["./dir@sha256:abc", "LOCATOR_INVALID", /Invalid digest "sha256:abc"/],
  ["alpine@sha256:abc", "LOCATOR_INVALID", /sha256:abc/],
  ["alpine:", "TAG_INVALID", /Invalid tag ""/],
  ["alpine:a b", "TAG_INVALID", /a b/],
  ["Alpine", "NAME_INVALID", /lower-case: library\/alpine/],
  ["ghcr.io/Me/App", "NAME_INVALID", /me\/app/],
  ["ghcr.io/", "NAME_INVALID", /Invalid repository name ""/],
  ["127.0.0.1:5987", "LOCATOR_INVALID", /Write 127\.0\.0\.1:5987\/REPOSITORY.*docker\.io\/library\/127\.0\.0\.1:5987/],
  ["127.0.0.1", "LOCATOR_INVALID", /Write 127\.0\.0\.1\/REPOSITORY/],
  ["localhost:5000", "LOCATOR_INVALID", /Write localhost:5000\/REPOSITORY.*docker\.io\/library\/localhost:5000/],
  ["localhost", "LOCATOR_INVALID", /Write localhost\/REPOSITORY/],
  ["docker://registry.example.com:443", "LOCATOR_INVALID", /Write registry\.example\.com:443\/REPOSITORY/],
  ["[::1]:5000", "LOCATOR_INVALID", /Write \[::1\]:5000\/REPOSITORY/],
  [`localhost:5000@${DIGEST}`, "LOCATOR_INVALID", /Write localhost:5000\/REPOSITORY/],
  ["me@ghcr.io/o/r", "LOCATOR_INVALID", /--username/],
  [HEX, "LOCATOR_INVALID", /NAME@sha256:/],
  ["host:99999/app", "LOCATOR_INVALID", /not a host with an optional port/],
  ["-bad-.io/app", "LOCATOR_INVALID", /not a host/],
  ["a//b", "NAME_INVALID", /a\/\/b/],
  ["-", "LOCATOR_INVALID", /oci-archive:-/],
  ["docker-archive:x.tar:NOT ok", "LOCATOR_INVALID", /docker-archive:file\.tar:name:tag/],
  ["oci:a\0b", "LOCATOR_INVALID", /NUL/],
];

describe("locators", () => {
  for (const [spelling, canonical, medium] of accepted) {
    test(`${spelling} is ${canonical}`, () => {
      const locator = parseLocator(spelling);
      assert.equal(locator.medium, medium);
      assert.equal(formatLocator(locator), canonical);
      assert.deepEqual(parseLocator(canonical), locator);
    });
  }

  for (const [spelling, code, says] of refused) {
    test(`${JSON.stringify(spelling.slice(0, 40))} is refused with ${code} and a way out`, () => {
      assert.throws(
        () => parseLocator(spelling),
        (error) => isOciError(error) && error.code === code && says.test(`${error.message}\n${error.hint}`),
      );
    });
  }

  test("a tag beside a digest stays a label, and each part stands alone", () => {
    assert.deepEqual(parseLocator(`ghcr.io/o/r:t@${DIGEST}`), {
      medium: "registry",
      host: "ghcr.io",
      repository: "o/r",
      tag: "t",
      digest: DIGEST,
    });
    assert.deepEqual(parseLocator("alpine"), { medium: "registry", host: "docker.io", repository: "library/alpine" });
  });

  test("what lies at a path decides between layout and archive", () => {
    const look = (path: string): "file" | "layout" | undefined =>
      ({ "./plain": "file", "./dir.tar": "layout" } as const)[path];
    assert.equal(parseLocator("./plain:v1", { look }).medium, "archive");
    assert.equal(parseLocator("./dir.tar:v1", { look }).medium, "layout");
  });

  test("a path that lies there keeps a colon that no tag could have", () => {
    const look = (path: string): "layout" | undefined => (path === "./a:b c" ? "layout" : undefined);
    assert.deepEqual(parseLocator("./a:b c", { look }), { medium: "layout", path: "./a:b c" });
  });

  test("a bare word is never a directory, but a layout of that name is worth a hint", () => {
    const look = (path: string): "layout" | "file" | undefined =>
      ({ images: "layout", "app.tar": "file", "other.txt": "file" } as const)[path];
    assert.equal(parseLocator("images:v1", { look }).medium, "registry");
    assert.match(layoutHint("images:v1", look) ?? "", /write ocidir:\/\/images:v1/);
    assert.match(layoutHint(`images@${DIGEST}`, look) ?? "", /write ocidir:\/\/images@sha256:/);
    assert.match(layoutHint("app.tar", look) ?? "", /write oci-archive:app\.tar/);
    assert.equal(layoutHint("other.txt", look), undefined);
    assert.equal(layoutHint("docker://images", look), undefined);
    assert.equal(layoutHint("alpine", look), undefined);
  });

  test("an endless text is refused before an expression sees it", () => {
    for (const text of [`${"a/".repeat(500_000)}b`, `./${"a".repeat(1_000_000)}`, `a:${":".repeat(100_000)}`]) {
      assert.throws(
        () => parseLocator(text),
        (error) => isOciError(error) && error.message.length < 400,
      );
    }
  });
});
