/**
 * `npm run interop [-- --record] [FILTER…]`: runs the tests with other tools.
 * With --record it writes docs/interop.md from what the clients of a registry did.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { readMatrix, RECORD } from "./interop/matrix.ts";
import { interopPage } from "./interop/page.ts";

const root = dirname(import.meta.dirname);
const { values, positionals } = parseArgs({
  options: { record: { type: "boolean", default: false } },
  allowPositionals: true,
});
const folder = mkdtempSync(join(tmpdir(), "berth-interop-"));
try {
  const path = join(folder, "record.ndjson");
  writeFileSync(path, "");
  const run = spawnSync(process.execPath, [join(root, "scripts/test.ts"), "--interop", ...positionals], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...(values.record ? { [RECORD]: path } : {}) },
  });
  process.exitCode = run.status ?? 1;
  if (values.record && run.status === 0) {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
    const page = interopPage(readMatrix(path), {
      date: new Date().toISOString().slice(0, 10),
      with: `berth ${version}, Node ${process.versions.node}, ${platform()}/${arch()}`,
    });
    writeFileSync(join(root, "docs/interop.md"), page);
    console.log("Wrote docs/interop.md");
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
