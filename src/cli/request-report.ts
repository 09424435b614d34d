import { isOciError } from "../error/oci-error.ts";
import { requestPath } from "../server/request-path.ts";
import type { ServerEvent } from "../server/serve.ts";
import type { Context } from "./context.ts";
import { style } from "./style.ts";

/** One line for what went wrong on our side; every request for those who read the progress as JSON. */
export function reportRequest(event: ServerEvent, context: Context): void {
  const { type, method, status, milliseconds, error } = event;
  const target = requestPath(event.target);
  const request = { type, method, target, status, milliseconds: Math.round(milliseconds) };
  context.onEvent(request);
  // Of what is refused only what the owner of the disk can change is news.
  if (status < 500 && !isOciError(error, "IO")) return;
  const reason = error instanceof Error ? `: ${error.message}` : "";
  context.warn(`${style.red(String(status))} ${method} ${target}${reason}`);
}
