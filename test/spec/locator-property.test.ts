import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOciError } from "../../src/error/oci-error.ts";
import type { Digest } from "../../src/spec/digest.ts";
import { formatLocator, type Locator, parseLocator } from "../../src/spec/locator.ts";

const alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789";
const word = fc.string({ unit: fc.constantFrom(...alphanumeric.split("")), minLength: 1, maxLength: 8 });
const tag = fc
  .tuple(word, fc.string({ unit: fc.constantFrom(...`${alphanumeric}ABC_.-`.split("")), maxLength: 20 }))
  .map(([first, rest]) => first + rest);
const digest = fc
  .string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: 64, maxLength: 64 })
  .map((hex) => `sha256:${hex}` as Digest);
const repository = fc
  .tuple(word, fc.array(fc.tuple(fc.constantFrom("/", ".", "_", "__", "-", "--"), word), { maxLength: 4 }))
  .map(([first, rest]) => first + rest.map(([separator, part]) => separator + part).join(""));
const host = fc.oneof(
  fc.constantFrom("docker.io", "localhost", "[::1]:5000", "Upper", "registry"),
  fc
    .tuple(word, word, fc.option(fc.integer({ min: 1, max: 65_535 })))
    .map(([first, second, port]) => `${first}.${second}${port === null ? "" : `:${port}`}`),
);
const fullName = fc
  .tuple(fc.constantFrom("docker.io", "localhost:5000", "ghcr.io"), repository, tag)
  .map(([first, second, third]) => `${first}/${second}:${third}`);
const shortName = fc.tuple(word, word, tag).map(([first, second, third]) => `${first}/${second}:${third}`);
/** Anything a file may be called, colons and at signs more often than not; no slash at the end. */
const path = fc
  .array(fc.oneof(word, fc.constantFrom("..", ".", ":", "@", "a:b", "docker.io", "b@sha256:c", "é", " ", "x.tar")), {
    minLength: 1,
    maxLength: 5,
  })
  .chain((parts) => fc.constantFrom("/", "").map((joint) => parts.join(joint)))
  .filter((text) => !text.endsWith("/"));

function named<T extends object>(base: T, name: string | null, truth: Digest | null): T {
  return { ...base, ...(name === null ? {} : { tag: name }), ...(truth === null ? {} : { digest: truth }) };
}

const locator: fc.Arbitrary<Locator> = fc.oneof(
  fc
    .tuple(host, repository, fc.option(tag), fc.option(digest))
    // Docker Hub's one-part names have library/ before them once parsed.
    .filter(([at, name]) => at !== "docker.io" || name.includes("/"))
    .map(([at, name, label, truth]) =>
      named({ medium: "registry" as const, host: at, repository: name }, label, truth),
    ),
  fc
    .tuple(
      fc.constantFrom("layout" as const, "archive" as const),
      path,
      fc.option(fc.oneof(tag, fullName)),
      fc.option(digest),
    )
    .map(([medium, at, label, truth]) => named({ medium, path: at }, label, truth)),
  fc
    .tuple(path, fc.option(fc.oneof(fullName, shortName)))
    .map(([at, name]) => ({ medium: "docker-archive" as const, path: at, ...(name === null ? {} : { name }) })),
);

test("every locator comes back from how it is written", () => {
  fc.assert(
    fc.property(locator, (value) => {
      assert.deepEqual(parseLocator(formatLocator(value)), value);
    }),
    { numRuns: 3000 },
  );
});

test("any text is a locator that stays itself, or a typed error", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc
      .array(
        fc.constantFrom(
          "oci:",
          "oci://",
          "ocidir://",
          "docker-archive:",
          "/",
          ":",
          "@",
          "sha256:",
          "a",
          "A.b",
          "-",
          "..",
        ),
        {
          maxLength: 8,
        },
      )
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (written) => {
      let value: Locator;
      try {
        value = parseLocator(written);
      } catch (error) {
        assert.ok(isOciError(error, "LOCATOR_INVALID", "NAME_INVALID", "TAG_INVALID", "DIGEST_INVALID"), String(error));
        return;
      }
      assert.deepEqual(parseLocator(formatLocator(value)), value);
    }),
    { numRuns: 5000 },
  );
});
