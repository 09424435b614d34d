import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Whether a program is on PATH. */
export async function isInstalled(program: string): Promise<boolean> {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    try {
      await access(join(directory, program), constants.X_OK);
      return true;
    } catch {
      // Not in this one.
    }
  }
  return false;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}
