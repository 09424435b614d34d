import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** The suite's module in distribution-spec, at the commit that the record speaks of; it has no tags. */
export const COMMIT = "967efdc079b91785ad18c77cc4f8991a47feefbf";
export const MODULE = "github.com/opencontainers/distribution-spec/conformance";
export const VERSION = "v0.0.0-20260716174315-967efdc079b9";
const OLDEST_GO: readonly [number, number] = [1, 24];
/** Milliseconds for downloading and building it. */
const BUILD_TIME = 10 * 60 * 1000;

/** The program, or why there is none. */
export type Found = { readonly program: string } | { readonly missing: string };

/**
 * Looks for the suite: as named by OCI_CONFORMANCE, on PATH, built before, and last built now by Go.
 * @throws Error when OCI_CONFORMANCE names nothing
 */
export function findProgram(cache: string): Found {
  const named = process.env["OCI_CONFORMANCE"];
  if (named !== undefined && named !== "") {
    if (existsSync(named)) return { program: named };
    throw new Error(`OCI_CONFORMANCE names ${named}, which is not there`);
  }
  const built = join(cache, VERSION);
  const known = onPath("oci-conformance") ?? (existsSync(built) ? built : undefined);
  return known === undefined ? build(built) : { program: known };
}

function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

function build(target: string): Found {
  const go = onPath("go") ?? ["/usr/local/go/bin/go"].find((path) => existsSync(path));
  const wanted = `Go ${OLDEST_GO.join(".")} or newer`;
  if (go === undefined) return { missing: `${wanted} is not on PATH` };
  const given = execFileSync(go, ["env", "GOVERSION"], { encoding: "utf8" }).trim();
  const [, major = "0", minor = "0"] = /^go(\d+)\.(\d+)/.exec(given) ?? [];
  if (Number(major) < OLDEST_GO[0] || (Number(major) === OLDEST_GO[0] && Number(minor) < OLDEST_GO[1])) {
    return { missing: `${wanted} is needed, ${go} is ${given}` };
  }
  const folder = mkdtempSync(join(tmpdir(), "berth-conformance-"));
  try {
    // A module that requires the exact version asks the proxy for nothing else; `go install` lists all versions first.
    writeFileSync(
      join(folder, "go.mod"),
      `module conformance.local\n\ngo ${OLDEST_GO.join(".")}.0\n\nrequire ${MODULE} ${VERSION}\n`,
    );
    mkdirSync(join(target, ".."), { recursive: true });
    const run = spawnSync(go, ["build", "-ldflags", `-X main.Version=${COMMIT}`, "-o", target, MODULE], {
      cwd: folder,
      encoding: "utf8",
      timeout: BUILD_TIME,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod -modcacherw", GOTOOLCHAIN: "local", GOWORK: "off" },
    });
    if (run.status === 0) return { program: target };
    const said = run.stderr.trim().split("\n").slice(-3).join("\n  ");
    return { missing: `${given} could not get and build ${MODULE}@${VERSION}:\n  ${said || "no answer in time"}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
