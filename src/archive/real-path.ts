import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

/** Where an archive lies: links that the user made lead to the file itself, so that it and not a link is replaced. */
export async function realArchivePath(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch {
    // Not there yet, or not to be seen: whoever opens it next says which.
  }
  try {
    return join(await realpath(dirname(absolute)), basename(absolute));
  } catch {
    return absolute;
  }
}
