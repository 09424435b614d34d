import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { attestManifests } from "../../src/sign/sign.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { JsonValue } from "../../src/spec/json.ts";
import type { Store } from "../../src/store/store.ts";
import { ann, bob, decide, fixture, hang, missing, pushApp, pushIndex, requiring } from "./scene.ts";

const SARIF = "application/sarif+json";
const GRYPE = "application/vnd.anchore.grype+json";

async function scene(): Promise<{ store: Store; subject: Descriptor }> {
  const store = createMemoryStore();
  return { store, subject: await pushApp(store) };
}

async function attest(
  { store, subject }: { store: Store; subject: Descriptor },
  by: typeof ann,
  predicateType: string,
  predicate: JsonValue,
): Promise<void> {
  await attestManifests({
    subjects: [{ target: store, descriptor: subject }],
    signer: by.signer,
    predicateType,
    predicate,
  });
}

/** Why a rule of one requirement refuses; undefined: it does not. */
async function why(
  { store, subject }: { store: Store; subject: Descriptor },
  requirement: string,
): Promise<string | undefined> {
  const decision = await decide(requiring(requirement), store, subject);
  assert.equal(decision.allowed, missing(decision).length === 0);
  return missing(decision)[0];
}

/** A report of grype's with these findings. */
const grype = (timestamp: string, ...findings: readonly [id: string, severity: string][]): string =>
  JSON.stringify({
    descriptor: { name: "grype", timestamp },
    matches: findings.map(([id, severity]) => ({ vulnerability: { id, severity }, artifact: { name: "p" } })),
  });

describe("a scan that a policy asks for", () => {
  test("has to be there, of its age, and clean", async () => {
    const s = await scene();
    assert.match(
      (await why(s, "- scan: { maxSeverity: critical }")) ?? "",
      /a scan \(cyclonedx, sarif, grype, trivy\)/,
    );
    await hang(s.store, s.subject, await fixture("grype.json"), GRYPE);
    assert.equal(await why(s, "- scan: { maxAge: 2d, maxSeverity: high }"), undefined);
    assert.match(
      (await why(s, "- scan: { maxAge: 1d, maxSeverity: high }")) ?? "",
      /a scan made since 2026-11-19T09:00/,
    );
    assert.match(
      (await why(s, "- scan: { maxSeverity: medium }")) ?? "",
      /nothing above medium: GHSA-8r3f-844c-mc37 \(high/,
    );
    assert.match((await why(s, "- scan: { maxSeverity: critical, formats: [sarif] }")) ?? "", /a scan \(sarif\)/);
  });

  test("every form counts", async () => {
    const forms = [
      ["sarif.json", SARIF, "- scan: { maxSeverity: high }"],
      [
        "trivy.json",
        "application/vnd.aquasec.trivy+json",
        "- scan: { maxSeverity: critical, fixableOnly: true, ignore: [{ id: CVE-2024-0001, until: 2027-01-01, reason: x }] }",
      ],
      [
        "cyclonedx-vulnerabilities.json",
        "application/vnd.cyclonedx+json",
        "- scan: { maxSeverity: high, fixableOnly: true }",
      ],
    ] as const;
    for (const [file, type, requirement] of forms) {
      const s = await scene();
      await hang(s.store, s.subject, await fixture(file), type);
      assert.equal(await why(s, requirement), undefined, file);
      assert.match((await why(s, "- scan: { maxSeverity: low }")) ?? "", /nothing above low/, file);
    }
  });

  test("a severity that nobody knows is the worst", async () => {
    const s = await scene();
    await hang(s.store, s.subject, grype("2026-11-20T00:00:00Z", ["CVE-1", "Whatever"]), GRYPE);
    assert.match((await why(s, "- scan: { maxSeverity: critical }")) ?? "", /CVE-1 \(unknown, p\)/);
  });

  test("exceptions end", async () => {
    const s = await scene();
    await hang(s.store, s.subject, await fixture("grype.json"), GRYPE);
    const until = (day: string, id = "CVE-2024-24786", more = ""): string =>
      `- scan: { maxSeverity: medium, ignore: [{ id: ${id}, until: ${day}, reason: "no fix yet"${more} }] }`;
    assert.equal(await why(s, until("2026-11-20")), undefined);
    assert.match((await why(s, until("2026-11-19"))) ?? "", /excepted until 2026-11-20T00:00:00.000Z/);
    assert.match((await why(s, until("2027-01-01", "CVE-9"))) ?? "", /nothing above medium/);
    assert.match((await why(s, until("2027-01-01", undefined, ", package: other"))) ?? "", /nothing above medium/);
  });

  test("of each tool the newest counts", async () => {
    const s = await scene();
    await hang(s.store, s.subject, grype("2026-11-18T00:00:00Z", ["CVE-1", "Critical"]), GRYPE);
    assert.match((await why(s, "- scan: { maxSeverity: high }")) ?? "", /CVE-1/);
    await hang(s.store, s.subject, grype("2026-11-19T00:00:00Z"), GRYPE);
    assert.equal(await why(s, "- scan: { maxSeverity: high }"), undefined);
    await hang(s.store, s.subject, grype("2026-11-19T00:00:00Z", ["CVE-2", "Critical"]), GRYPE);
    assert.match((await why(s, "- scan: { maxSeverity: high }")) ?? "", /CVE-2/);
    // Another tool's opinion is not outdated by it.
    const other = await scene();
    await hang(other.store, other.subject, grype("2026-11-20T00:00:00Z"), GRYPE);
    await hang(other.store, other.subject, await fixture("sarif.json"), SARIF);
    assert.match((await why(other, "- scan: { maxSeverity: medium }")) ?? "", /CVE-2024-24786/);
  });

  test("one that cannot be read, has no date or comes from the future refuses the image", async () => {
    for (const [content, problem] of [
      ["{", /cannot be read/],
      ["[]", /cannot be read/],
      ['{"descriptor":{"name":"grype"},"matches":[{}]}', /must be an object/],
      ['{"descriptor":{"name":"grype"},"matches":[]}', /does not say when it was made/],
      [grype("2026-11-21T00:00:00Z"), /is of the future/],
    ] as const) {
      const s = await scene();
      await hang(s.store, s.subject, grype("2026-11-20T00:00:00Z"), GRYPE);
      assert.equal(await why(s, "- scan: { maxSeverity: high }"), undefined);
      await hang(s.store, s.subject, content, GRYPE);
      assert.match((await why(s, "- scan: { maxSeverity: high }")) ?? "", problem);
    }
  });

  test("the referrer tells when, where the report does not", async () => {
    const s = await scene();
    const created = { "org.opencontainers.image.created": "2026-11-19T09:00:00Z" };
    await hang(s.store, s.subject, '{"descriptor":{"name":"grype"},"matches":[]}', GRYPE, created);
    assert.equal(await why(s, "- scan: { maxAge: 1d, maxSeverity: none }"), undefined);
  });

  test("by whom it has to be attested, where the rule says so", async () => {
    const s = await scene();
    const clean = grype("2026-11-20T00:00:00Z");
    const rule = "- scan: { by: ann, maxSeverity: none }";
    await hang(s.store, s.subject, clean, GRYPE);
    await attest(s, bob, "https://example.com/scan", JSON.parse(clean) as JsonValue);
    assert.match((await why(s, rule)) ?? "", /a scan .* attested by ann/);
    await attest(s, ann, "https://example.com/scan", JSON.parse(clean) as JsonValue);
    assert.equal(await why(s, rule), undefined);
    // Unsigned is what anybody could have hung there, and does not change that.
    await hang(s.store, s.subject, grype("2026-11-20T01:00:00Z", ["CVE-1", "Critical"]), GRYPE);
    assert.equal(await why(s, rule), undefined);
  });

  test("on each image of an index", async () => {
    const { store, root, amd, arm } = await pushIndex();
    const text = requiring("- scan: { maxSeverity: high }");
    await hang(store, root, grype("2026-11-20T00:00:00Z"), GRYPE);
    assert.equal(missing(await decide(text, store, root)).length, 2);
    await hang(store, amd, grype("2026-11-20T00:00:00Z"), GRYPE);
    await hang(store, arm, grype("2026-11-20T00:00:00Z", ["CVE-1", "Critical"]), GRYPE);
    assert.deepEqual(missing(await decide(text, store, root)), [
      "scan on linux/arm64: nothing above high: CVE-1 (critical, p)",
    ]);
  });
});

describe("SBOMs and licences that a policy asks for", () => {
  test("an SBOM of a format, from a referrer or a statement", async () => {
    const s = await scene();
    assert.match((await why(s, "- sbom: {}")) ?? "", /an SBOM of spdx or cyclonedx or syft/);
    await hang(s.store, s.subject, await fixture("spdx.json"), "application/spdx+json");
    assert.equal(await why(s, "- sbom: { formats: spdx }"), undefined);
    assert.match((await why(s, "- sbom: { formats: [cyclonedx] }")) ?? "", /an SBOM of cyclonedx/);
    assert.match((await why(s, "- sbom: { by: ann }")) ?? "", /attested by ann/);
    await attest(s, ann, "https://spdx.dev/Document", JSON.parse(await fixture("spdx.json")) as JsonValue);
    assert.equal(await why(s, "- sbom: { by: ann }"), undefined);
  });

  test("a file of another type is none, until the rule names the type", async () => {
    const s = await scene();
    await hang(s.store, s.subject, await fixture("spdx.json"), "application/vnd.example.bom");
    assert.notEqual(await why(s, "- sbom: {}"), undefined);
    assert.equal(await why(s, "- sbom: { artifactTypes: [application/vnd.example.bom] }"), undefined);
  });

  test("licences: choices, exceptions, names, and none", async () => {
    const s = await scene();
    assert.match((await why(s, "- licenses: { deny: [AGPL-*] }")) ?? "", /an SBOM with components/);
    await hang(s.store, s.subject, await fixture("spdx.json"), "application/spdx+json");
    assert.equal(await why(s, "- licenses: { allow: [MIT, Apache-2.0, GPL-3.0-only] }"), undefined);
    assert.equal(await why(s, "- licenses: { deny: [AGPL-*] }"), undefined);
    assert.match(
      (await why(s, "- licenses: { allow: [MIT, Apache-2.0] }")) ?? "",
      /libgcc-s1 12.2.0-14 is under GPL-3.0-only WITH/,
    );
    assert.equal(
      await why(s, '- licenses: { deny: [GPL-*], allow: ["*", "GPL-3.0-only WITH GCC-exception-3.1"] }'),
      undefined,
    );
    assert.match((await why(s, "- licenses: { deny: [GPL-*] }")) ?? "", /libgcc-s1/);
    assert.equal(await why(s, "- licenses: { deny: [GPL-*], except: [libgcc-*] }"), undefined);
    const both = { descriptor: { name: "syft" }, artifacts: [{ name: "b", licenses: ["MIT AND AGPL-3.0-only"] }] };
    const other = await scene();
    await hang(other.store, other.subject, JSON.stringify(both), "application/vnd.syft+json");
    assert.match((await why(other, "- licenses: { deny: [AGPL-*] }")) ?? "", /b is under MIT AND AGPL-3.0-only/);
    const unknown = { descriptor: { name: "syft" }, artifacts: [{ name: "x", licenses: [] }] };
    await hang(s.store, s.subject, JSON.stringify(unknown), "application/vnd.syft+json");
    assert.match((await why(s, "- licenses: { deny: [AGPL-*] }")) ?? "", /x is under no known licence/);
    assert.equal(await why(s, "- licenses: { deny: [AGPL-*], unknown: allow }"), undefined);
    await hang(s.store, s.subject, "{", "application/spdx+json");
    assert.match((await why(s, "- licenses: { deny: [AGPL-*], unknown: allow }")) ?? "", /cannot be read/);
  });
});

describe("statements that a policy asks for", () => {
  const TYPE = "https://example.com/tested/v1";
  const rule = (where: string, more = ""): string =>
    `- attestation: { by: [ann, bob], type: "${TYPE}"${more}, where: '${where}' }`;

  test("of a type, by somebody, with a predicate that satisfies an expression", async () => {
    const s = await scene();
    const passed = rule('predicate.result == "passed" && predicate.tests > 10');
    assert.match((await why(s, passed)) ?? "", /there is no attestation/);
    await attest(s, ann, "https://example.com/other/v1", { result: "passed", tests: 11 });
    assert.match((await why(s, passed)) ?? "", /it is of type/);
    await attest(s, ann, TYPE, { result: "failed", tests: 11 });
    assert.match((await why(s, passed)) ?? "", /it is not true that/);
    await attest(s, bob, TYPE, { result: "passed", tests: 11 });
    assert.equal(await why(s, passed), undefined);
    assert.match((await why(s, rule('predicate.result == "passed"', ", threshold: 2"))) ?? "", /2 statement/);
  });

  test("a missing field is a refusal, however it is asked for", async () => {
    const s = await scene();
    await attest(s, ann, TYPE, { result: "passed" });
    for (const where of [
      "predicate.missing != true",
      "!(predicate.missing == true)",
      "predicate.result.x == 1",
      "predicate.result > 1",
    ]) {
      assert.match((await why(s, rule(where))) ?? "", /cannot be evaluated/, where);
    }
    assert.equal(await why(s, rule("!has(predicate.missing)")), undefined);
    assert.match((await why(s, rule("predicate.constructor != null"))) ?? "", /cannot be evaluated/);
    assert.match((await why(s, rule("predicate.result"))) ?? "", /neither true nor false/);
  });

  test("who signed, what of, when and where can be asked", async () => {
    const s = await scene();
    await attest(s, ann, TYPE, { builtAt: "2026-11-19T09:00:00Z", image: s.subject.digest });
    const where =
      'signers == ["ann"] && predicateType.endsWith("/v1") && subject == predicate.image && statement.subject.size() == 1 && repository == "team/app" && "v1" in tags && now - timestamp(predicate.builtAt) < duration("25h")';
    assert.equal(await why(s, rule(where)), undefined);
    assert.match((await why(s, rule('now - timestamp(predicate.builtAt) < duration("23h")'))) ?? "", /it is not true/);
  });
});
