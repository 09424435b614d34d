import { OciError } from "../error/oci-error.ts";
import type { Owner } from "../tar/tree.ts";

/** `uid` or `uid:gid`, in digits. @throws OciError USAGE */
export function readOwner(written: string | undefined): Owner | undefined {
  if (written === undefined) return undefined;
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(written);
  if (match) return { uid: Number(match[1]), gid: Number(match[2] ?? match[1]) };
  throw new OciError("USAGE", `Invalid owner ${JSON.stringify(written)}: expected uid or uid:gid in digits`);
}
