import { stat } from "node:fs/promises";
import { join } from "node:path";
import { OciError } from "../error/oci-error.ts";

/**
 * Refuses to work as root on what another user's server keeps: files made by root would lock that server out.
 * @throws OciError USAGE
 */
export async function requireOwner(directory: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const owner = (await ownerOf(join(directory, ".berth"))) ?? (await ownerOf(directory));
  if (owner === undefined || owner === 0) return;
  throw new OciError("USAGE", `${JSON.stringify(directory)} is kept by the user ${owner}, and this is root`, {
    hint: `What root writes there locks that user out. Run it as that user: sudo -u '#${owner}' berth …`,
  });
}

/** What is not there is for others to say. */
async function ownerOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ uid }) => uid,
    () => undefined,
  );
}
