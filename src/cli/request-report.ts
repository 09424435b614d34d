import { isOciError } from "../error/oci-error.ts";
import type { GateEvent } from "../server/gate/judge.ts";
import { requestPath } from "../server/request-path.ts";
import type { ServerEvent } from "../server/serve.ts";
import type { Context, ProgressEvent } from "./context.ts";
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

/** What became of an image at the gate. A refusal is the pusher's news; an image that cannot be judged is the owner's. */
export function reportGate(event: GateEvent, context: Context): void {
  const { type, repository, digest, tags, rule, reason, error } = event;
  context.onEvent({ ...event, type: `gate-${type}`, error: undefined } as ProgressEvent);
  const what = tags.length === 0 ? `${repository}@${digest}` : `${repository}:${tags.join(", ")} (${digest})`;
  const why = reason ?? (rule === undefined ? undefined : `rule ${rule} is not met`);
  const line = `${type === "released" ? style.green(type) : style.yellow(type)} ${what}${why === undefined ? "" : `: ${why}`}`;
  if (error === undefined) context.note(line);
  else context.warn(line);
}
