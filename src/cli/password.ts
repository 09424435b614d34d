import { OciError } from "../error/oci-error.ts";
import type { Context } from "./context.ts";
import { onTerminal } from "./terminal-question.ts";

/** Where cosign takes it from, and so where scripts that used cosign have it. */
const VARIABLE = "COSIGN_PASSWORD";

/**
 * The password of a key: COSIGN_PASSWORD, which may be empty, else asked for on the terminal.
 * @param confirm ask twice: for a key that is made
 * @throws OciError USAGE where there is neither, INTERRUPTED
 */
export async function readPassword(context: Context, confirm = false): Promise<string> {
  const given = context.env[VARIABLE];
  if (given !== undefined) return given;
  return await onTerminal(context, noTerminal, async (ask) => {
    const first = await ask("Password of the private key: ", { what: "password" });
    if (confirm && (await ask("The same again: ", { what: "password" })) !== first) {
      throw new OciError("USAGE", "The two passwords differ");
    }
    return first;
  });
}

function noTerminal(cause: unknown): OciError {
  return new OciError("USAGE", `Expected a password in ${VARIABLE}, and there is no terminal to ask on`, {
    cause,
    hint: `Set ${VARIABLE}; it may be empty`,
  });
}
