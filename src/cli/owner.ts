import { stat } from "node:fs/promises";
import { join } from "node:path";
import { OciError } from "../error/oci-error.ts";

/**
 * Refuses to work as root on what another user's server keeps: files made by root would lock that server out.
 * @throws OciError USAGE
 */
export async function requireOwner(directory: string): Promise<void> {
  const owner = await otherOwner(directory);
  if (owner === undefined) return;
  throw new OciError("USAGE", `${JSON.stringify(directory)} is kept by the user ${owner}, and this is root`, {
    hint: `What root writes there locks that user out. Run it as that user: sudo -u '#${owner}' berth …`,
  });
}

/** The user who keeps what is in a directory, where that is somebody else and we are root. */
export async function otherOwner(directory: string): Promise<number | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const owner = (await ownerOf(join(directory, ".berth"))) ?? (await ownerOf(directory));
  return owner === 0 ? undefined : owner;
}

/** What is not there is for others to say. */
async function ownerOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ uid }) => uid,
    () => undefined,
  );
}
