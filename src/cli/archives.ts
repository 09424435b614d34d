import { Archives, type SharedArchives } from "../open/archives.ts";
import type { OpenMode, OpenOptions } from "../open/open-options.ts";
import type { Locator } from "../spec/locator.ts";
import type { Context } from "./context.ts";

const archives = new WeakMap<Context, Archives>();

/** The archives of a command: what it changes in them is written when it has succeeded. */
export function archivesOf(context: Context): Archives {
  const known = archives.get(context);
  return known ?? openArchivesOf(context);
}

/** The archives of a command that shares some with others; beforehand. */
export function openArchivesOf(context: Context, shared?: SharedArchives): Archives {
  const made = new Archives(shared);
  archives.set(context, made);
  context.afterwards({
    finish: (signal) => made.commit({ signal }),
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  });
  return made;
}

/** How a command opens an archive; results that would not be true yet, or would lie in the archive, are kept apart. */
export function commandArchives(
  locator: Locator,
  mode: OpenMode,
  context: Context,
): Pick<OpenOptions, "archives" | "stdin" | "stdout"> {
  const own = archivesOf(context);
  const isStream = "path" in locator && locator.path === "-";
  if (mode === "create" || mode === "write") context.out.hold();
  if (!isStream) return { archives: own };
  if (mode === "read") return { archives: own, stdin: () => context.stdin() };
  if (mode === "plan") return { archives: own, stdout: async () => undefined };
  return { archives: own, stdout: context.out.divert(context.stderr) };
}
