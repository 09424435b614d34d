import { resolve } from "node:path";
import type { AccessLog, AccessLogOptions } from "../server/access-log.ts";
import type { LineLog } from "../server/line-log.ts";
import type { Context } from "./context.ts";
import { formatCount } from "./format.ts";

/** Troubles with a log are warnings. */
function troubles(what: string, context: Context): Required<AccessLogOptions> {
  return {
    onTrouble: (error) => context.warn(`Cannot write the ${what}: ${error.message}; serving goes on`),
    onRecovery: (missing) =>
      context.warn(
        `The ${what} is written again; ${missing === 0 ? "nothing is" : formatCount(missing, "line")} missing`,
      ),
  };
}

/** Opens what `--access-log` names, `-` for standard output. */
export async function openLog(path: string, context: Context): Promise<AccessLog> {
  const { openAccessLog } = await import("../server/access-log.ts");
  const log = await openAccessLog(path === "-" ? 1 : resolve(context.cwd, path), troubles("access log", context));
  if (path !== "-") context.onHangup(() => log.reopen());
  return log;
}

/** Opens what `--audit-log` names. Each line is written at once. */
export async function openAuditLog(path: string, context: Context): Promise<LineLog> {
  const { openLineLog } = await import("../server/line-log.ts");
  const what = "audit log";
  const log = await openLineLog(resolve(context.cwd, path), { what, atOnce: true, ...troubles(what, context) });
  context.onHangup(() => log.reopen());
  return log;
}
