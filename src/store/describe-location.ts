import type { Location } from "./store.ts";

/** A location in words, for messages. */
export function describeLocation(location: Location): string {
  switch (location.medium) {
    case "registry":
      return `${location.origin.replace(/^https?:\/\//, "")}/${location.repository}`;
    case "layout":
    case "archive":
      return `${location.medium} ${location.path}`;
    case "memory":
      return "memory";
  }
}
