import type { Context } from "./context.ts";
import { formatBytes, formatCount } from "./format.ts";
import type { UpkeepReply } from "./upkeep-message.ts";

/** Tells of the work by which a server keeps its root in order: what its owner should know as a line, all of it to those who read JSON. */
export function reportUpkeep(event: Exclude<UpkeepReply, { readonly type: "ended" }>, context: Context): void {
  context.onEvent(event);
  switch (event.type) {
    case "collected": {
      const { removed, freed, kept } = event.report;
      for (const { name, unreadable } of kept) {
        context.warn(`No garbage is collected in ${name}: ${unreadable[0]?.reason ?? "something cannot be read"}`);
      }
      if (removed > 0)
        context.note(`Removed ${formatCount(removed, "blob")} that nothing led to (${formatBytes(freed)})`);
      break;
    }
    case "scrubbed":
      context.note(`Scrubbed ${formatCount(event.report.blobs, "blob")}, ${event.report.damaged} damaged`);
      break;
    case "finding":
      context.warn(`${event.repository}: ${event.reason}${event.verdict === "damaged" ? "; it is set aside" : ""}`);
      break;
    case "upkeep-failed":
      context.warn(`Cannot ${event.work === "gc" ? "collect garbage" : "scrub"}: ${event.message}; trying again later`);
  }
}
