import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Lying } from "../spec/locator.ts";

/** Looks at what lies at a path, for {@link parseLocator}; a relative one is relative to `cwd`. */
export function lookFrom(cwd: string): (path: string) => Lying | undefined {
  return (path) => {
    const full = path.startsWith("/") ? path : join(cwd, path);
    const stats = statSync(full, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (!stats.isDirectory()) return "file";
    return existsSync(join(full, "oci-layout")) ? "layout" : "directory";
  };
}
