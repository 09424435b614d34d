import { Archives } from "../open/archives.ts";
import type { OpenMode, OpenOptions } from "../open/open-options.ts";
import type { Locator } from "../spec/locator.ts";
import type { Context } from "./context.ts";

const shared = new WeakMap<Context, Archives>();

/** The archives of a command: what it changes in them is written when it has succeeded. */
export function archivesOf(context: Context): Archives {
  const known = shared.get(context);
  if (known) return known;
  const archives = new Archives();
  shared.set(context, archives);
  context.afterwards({
    finish: (signal) => archives.commit({ signal }),
    [Symbol.asyncDispose]: () => archives[Symbol.asyncDispose](),
  });
  return archives;
}

/** How a command opens an archive; results that would not be true yet, or would lie in the archive, are kept apart. */
export function commandArchives(
  locator: Locator,
  mode: OpenMode,
  context: Context,
): Pick<OpenOptions, "archives" | "stdin" | "stdout"> {
  const archives = archivesOf(context);
  const isStream = "path" in locator && locator.path === "-";
  if (mode === "create" || mode === "write") context.out.hold();
  if (!isStream) return { archives };
  if (mode === "read") return { archives, stdin: () => context.stdin() };
  if (mode === "plan") return { archives, stdout: async () => undefined };
  return { archives, stdout: context.out.divert(context.stderr) };
}
