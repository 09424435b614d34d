import { isOciError } from "../../error/oci-error.ts";
import type { GateEvent } from "./judge.ts";

/** Controls that JSON does not escape, and some terminals obey. */
const CONTROLS = /[\u007f-\u009f]/g;
/** What is shown of texts that a pusher chose. */
const SHOWN = 2048;

/** A line of JSON about what became of an image at the gate. */
export function auditLine(
  { type, repository, digest, tags, policy, rule, reason, error }: GateEvent,
  at: Date,
): string {
  return JSON.stringify({
    level: type === "released" ? "info" : error === undefined ? "warn" : "error",
    time: at.toISOString(),
    event: type,
    repository,
    digest,
    tags: tags.slice(0, 100),
    policy,
    rule,
    reason: reason === undefined || reason.length <= SHOWN ? reason : `${reason.slice(0, SHOWN)}…`,
    error: error === undefined ? undefined : isOciError(error) ? error.code : "INTERNAL",
  }).replace(CONTROLS, "\ufffd");
}
