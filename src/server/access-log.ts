import { isOciError } from "../error/oci-error.ts";
import { type LineLogOptions, openLineLog } from "./line-log.ts";
import { requestPath } from "./request-path.ts";
import type { ServerEvent } from "./serve.ts";

export type AccessLogOptions = Pick<LineLogOptions, "onTrouble" | "onRecovery" | "onLoss">;

/** A line of JSON for each request. Whatever becomes of the file, the server goes on. */
export interface AccessLog extends AsyncDisposable {
  write(event: ServerEvent): void;
  /** Opens the file anew, for whoever moves full ones away. */
  reopen(): void;
}

/** What is shown of texts that a client chose. */
const SHOWN_PATH = 2048;
const SHOWN_AGENT = 512;

/** Controls that JSON does not escape, and some terminals obey. */
const CONTROLS = /[\u007f-\u009f]/g;

function shown(text: string, length: number): string {
  return (text.length > length ? `${text.slice(0, length)}…` : text).replace(CONTROLS, "\ufffd");
}

/** Makes the time of a line; many share a millisecond. */
function clock(): () => string {
  let last = 0;
  let text = "";
  return () => {
    const now = Date.now();
    if (now !== last) {
      last = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
}

function lineOf(event: ServerEvent, time: string): string {
  const { id, remote, method, target, status, bytes, milliseconds, agent, error } = event;
  return JSON.stringify({
    level: status >= 500 ? "error" : "info",
    time,
    id,
    remote,
    method,
    path: shown(requestPath(target), SHOWN_PATH),
    status,
    bytes,
    ms: Math.round(milliseconds * 100) / 100,
    agent: agent && shown(agent, SHOWN_AGENT),
    error: error === undefined ? undefined : isOciError(error) ? error.code : "INTERNAL",
  });
}

/**
 * Opens an access log.
 * @param target a path, to be appended to, or 1 for standard output
 * @throws OciError IO when it cannot be opened
 */
export async function openAccessLog(target: string | 1, options: AccessLogOptions = {}): Promise<AccessLog> {
  const file = await openLineLog(target, { what: "access log", ...options });
  const timeOf = clock();
  return {
    write: (event) => file.write(lineOf(event, timeOf())),
    reopen: () => file.reopen(),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
