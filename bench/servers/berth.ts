import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { freePort, type Kind, launch } from "./server.ts";

/** `berth serve` over an empty folder: a depot. */
export function berthKind(berth: readonly string[]): Kind {
  const [program = "", ...args] = berth;
  const help = spawnSync(program, [...args, "serve", "--help"], { encoding: "utf8" }).stdout;
  return {
    name: "berth",
    version: () =>
      spawnSync(program, [...args, "version"], { encoding: "utf8" })
        .stdout.trim()
        .replace(/^berth /, ""),
    async start(folder) {
      const port = await freePort();
      const log = help.includes("--access-log") ? ["--access-log", join(folder, "access.log")] : [];
      const command = [...berth, "serve", join(folder, "data"), "--port", `${port}`, ...log];
      return await launch({ name: "berth", folder, command, port });
    },
  };
}
