import { statSync } from "node:fs";
import { userInfo } from "node:os";

let own: number | undefined;

/** The number of the user that this process runs as. */
export function ownUser(): number {
  own ??= find();
  return own;
}

function find(): number {
  try {
    return userInfo().uid;
  } catch {
    // A user without a line in the password file, as containers have them. Where there is no /proc either, no file is ours.
    return statSync("/proc/self", { throwIfNoEntry: false })?.uid ?? -1;
  }
}
