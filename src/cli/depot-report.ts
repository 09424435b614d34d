import type { OpenRegistryOptions } from "../open/open-registry.ts";
import type { Context } from "./context.ts";

type DepotEvent = Parameters<NonNullable<OpenRegistryOptions["onDepotEvent"]>>[0];

/** Tells of a depot's work behind its answers: what its owner should know as a line, all of it to those who read JSON. */
export function reportDepotEvent(event: DepotEvent, context: Context): void {
  const told = "error" in event ? { ...event, error: reasonOf(event.error) } : event;
  context.onEvent(told);
  const line = lineOf(event);
  if (line !== undefined) context.warn(line);
}

function lineOf(event: DepotEvent): string | undefined {
  const { repository } = event;
  switch (event.type) {
    case "tag-kept": {
      const why = event.reason === "stale" ? "which is older than ours" : "and it was pushed here as well";
      return `${repository}:${event.tag} stays at ${event.ours ?? "nothing"}: another tool set it to ${event.theirs}, ${why}`;
    }
    case "unreadable":
      return `Cannot read the layout of ${repository}: ${reasonOf(event.error)}; trying again`;
    case "index-not-written":
      return `Other tools do not see what was pushed to ${repository}: ${reasonOf(event.error)}; trying again`;
    case "index-set-aside":
      return `The index.json of ${repository} is damaged (${event.reason}): moved to ${event.path} and written anew`;
    case "deduplication-failed":
      return `${event.digest} of ${repository} stays a file of its own: ${reasonOf(event.error)}`;
    case "repaired":
      return `${event.digest} of ${repository} was damaged and is whole again`;
    case "layout-imported":
    case "index-written":
      return undefined;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
