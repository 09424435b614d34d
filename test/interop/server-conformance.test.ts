import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { createMemoryRegistry } from "../../src/memory/index.ts";
import { serve } from "../../src/server/serve.ts";

const run = promisify(execFile);
/** The suite of distribution-spec's main branch, as `go build` in its conformance/ makes it. */
const PROGRAM = process.env["OCI_CONFORMANCE"];

for (const medium of ["memory", "layouts"] as const) {
  for (const sparse of [false, true]) {
    test(`the OCI conformance suite over ${medium}, ${sparse ? "sparse manifests too" : "closed manifests"}`, async (t) => {
      if (PROGRAM === undefined) {
        t.skip(
          "OCI_CONFORMANCE is not set: go build distribution-spec/conformance (go >= 1.24) and name the program there",
        );
        return;
      }
      const root = await mkdtemp(join(tmpdir(), "berth-conformance-"));
      const results = await mkdtemp(join(tmpdir(), "berth-conformance-"));
      const registry = medium === "memory" ? createMemoryRegistry() : await openLayoutFolder(root);
      const server = await serve({ registry, sparse });
      try {
        await run(PROGRAM, [], {
          cwd: results,
          env: {
            ...process.env,
            OCI_REGISTRY: `127.0.0.1:${server.address.port}`,
            OCI_TLS: "disabled",
            OCI_REPO1: "conformance/one",
            OCI_REPO2: "conformance/two",
            OCI_VERSION: "dev",
            OCI_DATA_SPARSE: `${sparse}`,
            OCI_RESULTS_DIR: results,
          },
        });
        // It ends with 0 also when it never ran, so the count decides.
        const [, tests = "0"] = /tests="(\d+)"/.exec(await readFile(join(results, "junit.xml"), "utf8")) ?? [];
        assert.ok(Number(tests) > 900, `Only ${tests} checks ran`);
        const report = await readFile(join(results, "results.yaml"), "utf8");
        assert.doesNotMatch(report, /: (?:FAIL|Error|Skip)$/m);
        t.diagnostic(`${tests} checks`);
      } finally {
        await server.close(0);
        await registry[Symbol.asyncDispose]();
        for (const path of [root, results]) await rm(path, { recursive: true, force: true });
      }
    });
  }
}
