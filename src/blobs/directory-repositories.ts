import { join, relative, sep } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { isRepositoryName } from "../spec/name.ts";

/** Names that a layout needs for itself, so that no repository's directory may have them. */
const LAYOUT_NAMES: ReadonlySet<string> = new Set(["blobs", "index.json", "oci-layout"]);
/** Begins no part of a repository name, so an escaped part collides with none. */
const ESCAPE = "_";

function escapePart(part: string): string {
  return LAYOUT_NAMES.has(part) ? `${ESCAPE}${part}` : part;
}

function unescapePart(part: string): string {
  const plain = part.startsWith(ESCAPE) ? part.slice(ESCAPE.length) : part;
  return LAYOUT_NAMES.has(plain) ? plain : part;
}

/** The directory of a repository below a root, whether it is there or not. */
export function repositoryPath(root: string, name: string): string {
  return join(root, ...name.split("/").map(escapePart));
}

/** The repository that a directory below a root is; undefined when it cannot be one. */
export function repositoryAt(root: string, path: string): string | undefined {
  const parts = relative(root, path).split(sep);
  if (parts.some((part) => LAYOUT_NAMES.has(part))) return undefined;
  const name = parts.map(unescapePart).join("/");
  return isRepositoryName(name) ? name : undefined;
}

/**
 * Looks at every directory on the way to a repository. A link is an error, wherever it leads.
 * @throws OciError NAME_UNKNOWN
 */
export async function requireOwnPath(disk: Disk, root: string, name: string): Promise<string> {
  let path = root;
  for (const part of name.split("/")) {
    path = join(path, escapePart(part));
    const found = await disk.lstat(path);
    if (found && found.type !== "directory") {
      throw new OciError(
        "NAME_UNKNOWN",
        `There is no repository ${JSON.stringify(name)}: ${JSON.stringify(path)} is not a directory`,
      );
    }
  }
  return path;
}

export interface WalkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with a directory below the root that cannot be listed, which is left out; without it that is an error. */
  readonly onUnreadable?: (name: string, error: unknown) => void;
}

/**
 * The names of all layouts below a root, in no order. Links are not followed.
 * @throws OciError IO
 */
export async function* walkRepositories(
  disk: Disk,
  root: string,
  { signal, onUnreadable }: WalkOptions = {},
): AsyncGenerator<string, void, undefined> {
  const pending = [""];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    signal?.throwIfAborted();
    let isLayout = false;
    const below: string[] = [];
    try {
      for await (const entry of disk.readdir(repositoryPath(root, name))) {
        if (entry.name === "oci-layout" && entry.type === "file") isLayout = true;
        if (entry.type !== "directory" || LAYOUT_NAMES.has(entry.name)) continue;
        const part = unescapePart(entry.name);
        const full = name === "" ? part : `${name}/${part}`;
        if (isRepositoryName(full)) below.push(full);
      }
    } catch (error) {
      if (name === "" || onUnreadable === undefined || !isOciError(error, "IO")) throw error;
      onUnreadable(name, error);
      continue;
    }
    if (isLayout && name !== "") yield name;
    pending.push(...below);
  }
}
