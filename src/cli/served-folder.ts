import { errnoOf } from "../disk/error.ts";
import type { Context } from "./context.ts";
import { otherOwner } from "./owner.ts";
import { readDirectory } from "./path-argument.ts";

/** What `serve` serves, and whether anything may be written there. */
export interface ServedFolder {
  readonly directory: string;
  readonly readOnly: boolean;
}

/** Looks at a folder that is to be served, and warns of what its permissions mean. @throws OciError USAGE */
export async function readServedFolder(path: string, readOnly: boolean, context: Context): Promise<ServedFolder> {
  const directory = readDirectory(path, context);
  if (readOnly) return { directory, readOnly };
  if (await isUnwritable(directory)) {
    context.warn(`${path} cannot be written here: serving read-only`);
    return { directory, readOnly: true };
  }
  const owner = await otherOwner(directory);
  if (owner !== undefined) {
    context.warn(`${path} is kept by the user ${owner}: what root writes there locks that user out`);
  }
  return { directory, readOnly };
}

async function isUnwritable(directory: string): Promise<boolean> {
  try {
    const { access, constants } = await import("node:fs/promises");
    await access(directory, constants.W_OK);
    return false;
  } catch (error) {
    // What is not there at all is for others to say.
    return ["EACCES", "EPERM", "EROFS"].includes(errnoOf(error) ?? "");
  }
}
