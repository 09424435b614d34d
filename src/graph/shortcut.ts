import type { Location } from "../store/store.ts";
import type { Action } from "./step.ts";

/** How a blob may come over without passing through here. */
export function shortcut(source: Location, target: Location): Action {
  if (source.medium === "registry" && target.medium === "registry")
    return source.origin === target.origin ? "mount" : "push";
  // An archive borrows a layout's files until it is written.
  if (source.medium === "layout" && (target.medium === "layout" || target.medium === "archive")) return "link";
  return source.medium === "memory" && target.medium === "memory" ? "link" : "push";
}
