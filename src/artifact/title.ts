import { OciError } from "../error/oci-error.ts";

const MAX_TITLE = 4096;
const MAX_PART = 255;

/** The control characters that no file of ours is named with: C0, DEL and C1. */
// oxlint-disable-next-line no-control-regex -- refusing them is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

function problemOf(title: string, parts: readonly string[]): string | undefined {
  if (title === "") return "it is empty";
  if (title.length > MAX_TITLE) return `it is longer than ${MAX_TITLE} characters`;
  if (CONTROL.test(title)) return "it has a control character";
  if (title.startsWith("/")) return "it is an absolute path";
  if (title.includes("\\")) return "it has a backslash";
  if (/^[A-Za-z]:/.test(title)) return "it starts with a drive letter";
  if (parts.length === 0) return "it names the output directory itself";
  if (parts.includes("..")) return "it leaves the output directory";
  if (parts.includes("")) return "it has an empty part";
  if (parts.includes(".")) return "it has a part that is only a dot";
  if (parts.some((part) => Buffer.byteLength(part) > MAX_PART)) return `it has a part longer than ${MAX_PART} bytes`;
  return undefined;
}

/** What a title is read for: writing it to a disk, or pushing it, which takes only what can be written again. */
type Purpose = "pull" | "push";

const REFUSED: Readonly<Record<Purpose, string>> = { pull: "Refused to write", push: "Cannot push" };
const COLLISION_HINTS: Readonly<Record<Purpose, string>> = {
  pull: "Pull them one by one with: berth blob get",
  push: "A path below the working directory becomes the title: give each file once, or rename one",
};

/**
 * Reads a layer's title as the parts of a relative path below an output
 * directory. A title is a stranger's text: whatever could leave the directory,
 * on any system, is refused. A leading `./` is dropped.
 * @throws OciError FILE_INVALID
 */
export function parseTitle(title: string, purpose: Purpose = "pull"): readonly string[] {
  const relative = title.replace(/^(?:\.\/)+/, "");
  const parts = relative === "" || relative === "." ? [] : relative.split("/");
  const problem = problemOf(title, parts);
  if (problem === undefined) return parts;
  const shown = JSON.stringify(title.length > 100 ? `${title.slice(0, 100)}…` : title);
  throw new OciError("FILE_INVALID", `${REFUSED[purpose]} a file titled ${shown}: ${problem}`, {
    hint:
      purpose === "push"
        ? "Rename the file: what pull would refuse is not pushed"
        : "Nothing was written. Get the layer alone, under a name of your own, with: berth blob get … -o FILE",
  });
}

/**
 * Refuses titles that would write one file over another, or a file where
 * another needs a directory.
 * @throws OciError FILE_INVALID
 */
export function checkDistinct(titles: readonly (readonly string[])[], purpose: Purpose = "pull"): void {
  const refused = REFUSED[purpose];
  const hint = COLLISION_HINTS[purpose];
  const paths = new Set<string>();
  for (const parts of titles) {
    const path = parts.join("/");
    if (paths.has(path)) {
      throw new OciError("FILE_INVALID", `${refused} two files titled ${JSON.stringify(path)}`, { hint });
    }
    paths.add(path);
  }
  for (const parts of titles) {
    for (let length = 1; length < parts.length; length += 1) {
      const parent = parts.slice(0, length).join("/");
      if (!paths.has(parent)) continue;
      const path = JSON.stringify(parts.join("/"));
      throw new OciError("FILE_INVALID", `${refused} ${path} below the file titled ${JSON.stringify(parent)}`, {
        hint,
      });
    }
  }
}
