import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { OciError } from "../../error/oci-error.ts";
import { type Command, defineCommand } from "../command.ts";

/** The version in the package's own package.json, which lies above src/ and dist/ alike. */
function packageVersion(): string {
  const file = findPackageJSON(import.meta.url);
  if (file === undefined) throw new OciError("IO", "The package.json of berth is missing; install berth again");
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version: string };
  return version;
}

export const command: Command = defineCommand({
  arguments: {},
  options: {},
  examples: [
    { about: "Which berth is this", line: "berth version" },
    { about: "For a script or a bug report", line: "berth version --json" },
  ],
  run(_args, _options, context) {
    const version = packageVersion();
    const { node, platform, arch } = {
      node: process.versions.node,
      platform: process.platform,
      arch: process.arch,
    };
    context.out.result({ version, node, platform, arch }, [`berth ${version} (node ${node}, ${platform}-${arch})`]);
    return Promise.resolve();
  },
});
