import { type Command, defineCommand } from "../command.ts";
import { packageVersion } from "../package-version.ts";

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
