import { resolve } from "node:path";
import type { AccessLog } from "../server/access-log.ts";
import type { Context } from "./context.ts";
import { formatCount } from "./format.ts";

/** Opens what `--access-log` names, `-` for standard output; troubles with it are warnings. */
export async function openLog(path: string, context: Context): Promise<AccessLog> {
  const { openAccessLog } = await import("../server/access-log.ts");
  const log = await openAccessLog(path === "-" ? 1 : resolve(context.cwd, path), {
    onTrouble: (error) => context.warn(`Cannot write the access log: ${error.message}; serving goes on`),
    onRecovery: (missing) =>
      context.warn(
        `The access log is written again; ${missing === 0 ? "nothing is" : formatCount(missing, "line")} missing`,
      ),
  });
  if (path !== "-") context.onHangup(() => log.reopen());
  return log;
}
