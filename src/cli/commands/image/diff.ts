import { OciError } from "../../../error/oci-error.ts";
import type { FieldChange, ImageDiff } from "../../../image/diff.ts";
import type { FileDiff } from "../../../image/file-diff.ts";
import { describeOpened } from "../../../open/opened.ts";
import { shortDigest } from "../../../spec/digest.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import { formatBytes } from "../../format.ts";
import { openImage } from "../../image-source.ts";
import { anyNumber, flag, required } from "../../option.ts";
import { platform } from "../../shared-options.ts";
import { style } from "../../style.ts";

export const command: Command = defineCommand({
  about:
    "Shows what differs between two images, each from any medium: configuration, annotations, history, layers, and the files that a container sees. A PATH keeps files to what is at and below it, or fits it as a pattern. What comes from a layer that both have is not compared again. Times of files do not count without --times.",
  arguments: {
    before: required("A", "the one image"),
    after: required("B", "the other image"),
    paths: anyNumber("PATH", "only these files, folders or patterns"),
  },
  options: {
    ...connection,
    platform,
    patch: flag("-p, --patch", "show what differs in text files, line by line"),
    times: flag("--times", "modification times of files count"),
    noFiles: flag("--config-only", "compare configuration, history and layers, and read no layer"),
    exitCode: flag("--exit-code", "end with 1 when they differ, as diff does"),
  },
  examples: [
    {
      about: "What a build changed in /etc, line by line",
      line: "berth image diff localhost:5000/app:v1 localhost:5000/app:v2 /etc --patch",
    },
    {
      about: "Whether a rebuild gave the same image, for a script",
      line: "berth image diff ocidir://images:v1 ocidir://rebuilt:v1 --exit-code -q",
    },
  ],
  async run({ before, after, paths }, options, context) {
    await refuseSharedCredentials([before, after], options, context);
    await using one = await openLocated(before, "read", options, context);
    await using other = await openLocated(after, "read", options, context);
    const images = [await openImage(one, options.platform, context), await openImage(other, options.platform, context)];
    const [{ diffImages }, { pathFilter }] = await Promise.all([
      import("../../../image/diff.ts"),
      import("../../../image/path-filter.ts"),
    ]);
    const [left, right] = images;
    if (!left || !right) return;
    const diff = await diffImages(left, right, {
      filter: pathFilter(paths),
      patch: options.patch,
      times: options.times,
      files: !options.noFiles,
      signal: context.signal,
    });
    const shown = { a: describeOpened(one), b: describeOpened(other), ...diff };
    context.out.result(shown, () => lines(diff), []);
    if (diff.same || !options.exitCode) return;
    throw new OciError("CHECK_FAILED", "The images differ", { reference: describeOpened(other) });
  },
});

function text(value: unknown): string {
  return value === undefined ? style.dim("none") : JSON.stringify(value);
}

function fieldLines(title: string, changes: readonly FieldChange[]): string[] {
  if (changes.length === 0) return [];
  return [
    style.bold(title),
    ...changes.map(({ field, before, after }) => `  ${field}: ${text(before)} -> ${text(after)}`),
  ];
}

function listLines<Item>(
  title: string,
  list: { readonly shared: number; readonly removed: readonly Item[]; readonly added: readonly Item[] },
  show: (item: Item) => string,
): string[] {
  if (list.removed.length + list.added.length === 0) return [];
  return [
    `${style.bold(title)}  ${list.shared} shared`,
    ...list.removed.map((item) => style.red(`  - ${show(item)}`)),
    ...list.added.map((item) => style.green(`  + ${show(item)}`)),
  ];
}

function fileLines({ added, removed, changed }: FileDiff): string[] {
  if (added.length + removed.length + changed.length === 0) return [];
  return [
    `${style.bold("files")}  ${added.length} added, ${removed.length} removed, ${changed.length} changed`,
    ...removed.map(({ path, size }) => style.red(`  - ${path}  ${formatBytes(size)}`)),
    ...added.map(({ path, size }) => style.green(`  + ${path}  ${formatBytes(size)}`)),
    ...changed.flatMap(({ path, aspects, patch }) => [
      style.yellow(`  ~ ${path}  ${aspects.join(", ")}`),
      ...(patch === undefined ? [] : patchLines(patch)),
    ]),
  ];
}

function patchLines(patch: string): string[] {
  return patch
    .trimEnd()
    .split("\n")
    .map((line) => {
      const shown = `    ${line}`;
      if (line.startsWith("+")) return style.green(shown);
      return line.startsWith("-") ? style.red(shown) : shown;
    });
}

function lines(diff: ImageDiff): string[] {
  if (diff.same) return ["No difference"];
  return [
    ...fieldLines("configuration", diff.config),
    ...fieldLines("annotations", diff.annotations),
    ...listLines("history", diff.history, (line) => line),
    ...listLines("layers", diff.layers, ({ digest, size }) => `${shortDigest(digest)}  ${formatBytes(size)}`),
    ...(diff.files ? fileLines(diff.files) : []),
  ];
}
