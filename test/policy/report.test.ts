import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { readSbom } from "../../src/policy/read-sbom.ts";
import { readScan } from "../../src/policy/read-scan.ts";
import type { ScanReport } from "../../src/policy/report.ts";
import type { JsonObject } from "../../src/spec/json.ts";
import { fixture } from "./scene.ts";

async function document(name: string): Promise<JsonObject> {
  return JSON.parse(await fixture(name)) as JsonObject;
}

async function scan(name: string): Promise<ScanReport> {
  const [report, ...more] = readScan(await document(name)) ?? [];
  assert.ok(report);
  assert.equal(more.length, 0);
  return report;
}

const shown = ({ findings }: ScanReport): readonly string[] =>
  findings.map(({ id, severity, fixable, dismissed }) =>
    [id, severity, ...(fixable ? ["fixable"] : []), ...(dismissed === undefined ? [] : [dismissed])].join(" "),
  );

describe("scans, as their tools write them", () => {
  test("grype", async () => {
    const report = await scan("grype.json");
    assert.equal(report.tool, "grype");
    assert.equal(report.createdAt?.toISOString(), "2026-11-18T09:30:01.123Z");
    assert.deepEqual(shown(report), ["CVE-2023-4039 medium", "GHSA-8r3f-844c-mc37 high fixable"]);
    assert.deepEqual(report.findings[1]?.aliases, ["CVE-2024-24786"]);
    assert.equal(report.findings[1]?.package, "google.golang.org/protobuf");
  });

  test("trivy", async () => {
    const report = await scan("trivy.json");
    assert.equal(report.createdAt?.toISOString(), "2026-11-18T08:22:48.102Z");
    assert.deepEqual(shown(report), [
      "CVE-2011-3374 low",
      "CVE-2023-45853 critical",
      "CVE-2024-0001 unknown fixable",
      "aws-access-key-id critical fixable",
      "DS002 high fixable",
    ]);
  });

  test("SARIF: scores before levels, suppressions, what passed", async () => {
    const report = await scan("sarif.json");
    assert.equal(report.tool, "Trivy");
    assert.deepEqual(shown(report), [
      "CVE-2024-24786 high fixable",
      "CVE-2011-3374 low fixable",
      "no-score high fixable generated code",
    ]);
  });

  test("CycloneDX: the worst rating, analyses, no rating at all", async () => {
    const report = await scan("cyclonedx-vulnerabilities.json");
    assert.equal(report.tool, "trivy");
    assert.deepEqual(shown(report), [
      "CVE-2021-23337 high fixable",
      "CVE-2020-28500 critical not_affected in the report",
      "CVE-2026-0001 unknown",
    ]);
  });

  test("the predicate of cosign's type vuln", async () => {
    const result = await document("trivy.json");
    const predicate = { scanner: { uri: "x", result }, metadata: { scanFinishedOn: "2026-11-19T00:00:00Z" } };
    const [report] = readScan(predicate) ?? [];
    assert.equal(report?.findings.length, 5);
    assert.equal(report?.createdAt?.toISOString(), "2026-11-19T00:00:00.000Z");
  });

  test("an SBOM is no scan that found nothing", async () => {
    assert.equal(readScan(await document("spdx.json")), undefined);
    const { vulnerabilities: _none, ...bom } = await document("cyclonedx-vulnerabilities.json");
    assert.equal(readScan(bom), undefined);
    assert.equal(readScan({}), undefined);
  });

  test("what is broken is never taken for clean", async () => {
    const [grype, trivy, sarif, cdx] = await Promise.all(
      ["grype.json", "trivy.json", "sarif.json", "cyclonedx-vulnerabilities.json"].map(document),
    );
    const run = (changes: JsonObject): JsonObject => ({
      ...sarif,
      runs: [{ tool: { driver: { name: "x" } }, results: [], ...changes }],
    });
    const broken: readonly JsonObject[] = [
      { ...grype, matches: null },
      { ...grype, matches: {} },
      { ...grype, matches: [null] },
      { ...grype, matches: [{ vulnerability: { severity: "Low" }, artifact: {} }] },
      { ...grype, descriptor: { name: "grype", timestamp: "yesterday" } },
      { ...grype, descriptor: { name: "grype", timestamp: "2026-11-18T09:30:01" } },
      { ...trivy, SchemaVersion: 1 },
      { ...trivy, Results: "none" },
      { ...trivy, Results: [{ Vulnerabilities: [{ Severity: "LOW" }] }] },
      { ...sarif, version: "2.0.0" },
      { ...sarif, runs: [] },
      run({ results: null }),
      run({ results: [{}] }),
      run({ invocations: [{ executionSuccessful: false }] }),
      { ...cdx, specVersion: "2.0" },
      { ...cdx, vulnerabilities: null },
      { ...cdx, vulnerabilities: [{}] },
    ];
    for (const each of broken) {
      assert.throws(
        () => readScan(each),
        (error) => isOciError(error, "MANIFEST_INVALID"),
        JSON.stringify(each).slice(0, 300),
      );
    }
  });
});

describe("SBOMs", () => {
  test("SPDX without the image itself", async () => {
    const sbom = readSbom(await document("spdx.json"));
    assert.deepEqual(
      sbom?.components.map(({ name, licenses }) => [name, ...licenses]),
      [
        ["libgcc-s1", "GPL-3.0-only WITH GCC-exception-3.1"],
        ["lodash", "MIT"],
        ["dual", "(AGPL-3.0-only OR Apache-2.0)"],
      ],
    );
  });

  test("CycloneDX, with components in components", async () => {
    const cdx = await document("cyclonedx-vulnerabilities.json");
    const nested = {
      ...cdx,
      components: [
        { type: "library", name: "a", components: [{ type: "library", name: "b", licenses: [{ expression: "MIT" }] }] },
      ],
    };
    const sbom = readSbom(nested);
    assert.deepEqual(sbom?.components.map(({ name }) => name).toSorted(), ["a", "b"]);
  });

  test("syft's own form, old and new", () => {
    const sbom = readSbom({
      descriptor: { name: "syft" },
      artifacts: [
        { name: "a", licenses: ["MIT"] },
        { name: "b", version: "1", licenses: [{ value: "gpl", spdxExpression: "GPL-2.0-only" }] },
      ],
    });
    assert.deepEqual(
      sbom?.components.flatMap(({ licenses }) => licenses),
      ["MIT", "GPL-2.0-only"],
    );
  });

  test("what is broken is none", () => {
    assert.equal(readSbom({}), undefined);
    for (const broken of [{ spdxVersion: "SPDX-9" }, { spdxVersion: "SPDX-2.3", packages: [{}] }]) {
      assert.throws(
        () => readSbom(broken),
        (error) => isOciError(error, "MANIFEST_INVALID"),
      );
    }
  });
});
