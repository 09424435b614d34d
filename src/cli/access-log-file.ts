import { resolve } from "node:path";
import type { AccessLog, AccessLogOptions } from "../server/access-log.ts";
import type { LineLog } from "../server/line-log.ts";
import type { ServerMetrics } from "../server/metrics/server-metrics.ts";
import type { Context } from "./context.ts";
import { formatCount } from "./format.ts";

/** Troubles with a log are warnings, and figures. */
function troubles(
  log: "access" | "audit",
  context: Context,
  metrics: ServerMetrics | undefined,
): Required<AccessLogOptions> {
  const figures = metrics?.log(log);
  return {
    onTrouble: (error) => {
      figures?.onTrouble(error);
      context.warn(`Cannot write the ${log} log: ${error.message}; serving goes on`);
    },
    onRecovery: (missing) => {
      figures?.onRecovery(missing);
      context.warn(
        `The ${log} log is written again; ${missing === 0 ? "nothing is" : formatCount(missing, "line")} missing`,
      );
    },
    onLoss: (lines) => figures?.onLoss(lines),
  };
}

/** Opens what `--access-log` names, `-` for standard output. */
export async function openLog(path: string, context: Context, metrics?: ServerMetrics): Promise<AccessLog> {
  const { openAccessLog } = await import("../server/access-log.ts");
  const log = await openAccessLog(path === "-" ? 1 : resolve(context.cwd, path), troubles("access", context, metrics));
  if (path !== "-") context.onHangup(() => log.reopen());
  return log;
}

/** Opens what `--audit-log` names. Each line is written at once. */
export async function openAuditLog(path: string, context: Context, metrics?: ServerMetrics): Promise<LineLog> {
  const { openLineLog } = await import("../server/line-log.ts");
  const log = await openLineLog(resolve(context.cwd, path), {
    what: "audit log",
    atOnce: true,
    ...troubles("audit", context, metrics),
  });
  context.onHangup(() => log.reopen());
  return log;
}
