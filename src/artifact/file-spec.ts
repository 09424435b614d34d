import { basename, isAbsolute, posix } from "node:path";
import { isMediaType } from "../spec/descriptor.ts";
import { withoutEndSlashes } from "../spec/slashes.ts";

/** `FILE[:TYPE]`, as a user types it. */
export interface FileSpec {
  readonly path: string;
  readonly mediaType?: string;
}

/**
 * Splits `FILE[:TYPE]` at the last colon, when what follows it is a media type
 * (`type/subtype`). Anything else is a path, colons and all; a path whose own
 * end reads like a media type is written with its type behind it.
 */
export function parseFileSpec(text: string): FileSpec {
  const colon = text.lastIndexOf(":");
  if (colon <= 0) return { path: text };
  const mediaType = text.slice(colon + 1);
  return isMediaType(mediaType) ? { path: text.slice(0, colon), mediaType } : { path: text };
}

const TYPE_BY_NAME: readonly (readonly [ending: string, mediaType: string])[] = [
  [".cdx.json", "application/vnd.cyclonedx+json"],
  [".cdx.xml", "application/vnd.cyclonedx+xml"],
  [".spdx.json", "application/spdx+json"],
  [".sarif", "application/sarif+json"],
  [".sarif.json", "application/sarif+json"],
];

/**
 * The media type that a file's name tells, for the few kinds of report whose
 * names are a convention of their own; undefined for all others.
 */
export function guessMediaType(path: string): string | undefined {
  const name = path.toLowerCase();
  return TYPE_BY_NAME.find(([ending]) => name.endsWith(ending))?.[1];
}

/**
 * The title a path is pushed under: the path itself where it stays below the
 * working directory (so that a pull makes the same tree), else its last part.
 */
export function titleOf(path: string): string {
  const clean = withoutEndSlashes(posix.normalize(path));
  const leaves = isAbsolute(clean) || clean === ".." || clean.startsWith("../");
  return leaves ? basename(clean) : clean;
}
