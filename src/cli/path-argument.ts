import { OciError } from "../error/oci-error.ts";
import { parseLocator } from "../spec/locator.ts";
import type { Context } from "./context.ts";
import { resolvePath } from "./input.ts";

/**
 * A directory that a command takes as PATH: a plain path, or a layout in any spelling.
 * @returns the absolute path
 * @throws OciError LOCATOR_INVALID when it names something in a layout, or no layout
 */
export function readDirectory(written: string, context: Context): string {
  if (!/^[a-z-]+:/.test(written)) return resolvePath(written, context);
  const locator = parseLocator(written);
  if (locator.medium === "layout" && locator.tag === undefined && locator.digest === undefined) {
    return resolvePath(locator.path, context);
  }
  throw new OciError("LOCATOR_INVALID", `Expected a directory, got ${JSON.stringify(written)}`, {
    hint: "Write the path of the directory, or ocidir://path without tag and digest",
  });
}
