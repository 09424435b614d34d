import { berthKind } from "./berth.ts";
import { distribution, dockerRegistry } from "./distribution.ts";
import { nginx } from "./nginx.ts";
import type { Kind } from "./server.ts";
import { zot } from "./zot.ts";

/** berth first, then those it is compared with. */
export function registries(berth: readonly string[]): readonly Kind[] {
  return [berthKind(berth), distribution, zot];
}

/** The registries, Debian's old one to show beside them, and nginx to tell a noisy machine. */
export function everybody(berth: readonly string[]): readonly Kind[] {
  return [...registries(berth), dockerRegistry, nginx];
}

/** The versions of all that are installed, by name. */
export function versionsOf(kinds: readonly Kind[]): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const kind of kinds) {
    const version = kind.version();
    if (version !== undefined) versions[kind.name] = version;
  }
  return versions;
}
