import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { OciError } from "../error/oci-error.ts";

/** The version in the package's own package.json, which lies above src/ and dist/ alike. */
export function packageVersion(): string {
  const file = findPackageJSON(import.meta.url);
  if (file === undefined) throw new OciError("IO", "The package.json of berth is missing; install berth again");
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version: string };
  return version;
}
