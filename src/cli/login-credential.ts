import { OciError } from "../error/oci-error.ts";
import type { Credential } from "../open/open-options.ts";
import { type ConnectionValues, credentialsOf } from "./connection.ts";
import type { Context } from "./context.ts";
import { onTerminal } from "./terminal-question.ts";

const HINT = 'For example: echo "$PASSWORD" | berth login HOST -u me --password-stdin';

/**
 * What to log in with: from standard input, else asked for on the terminal.
 * @param host for the questions
 * @throws OciError USAGE where there is neither, or what was given cannot be sent; INTERRUPTED
 */
export async function readLoginCredential(
  host: string,
  options: ConnectionValues,
  context: Context,
): Promise<Credential> {
  const credential =
    options.passwordStdin || options.tokenStdin
      ? await credentialsOf(options, context)
      : await askFor(host, options.username, context);
  if (credential === undefined) throw new OciError("USAGE", "Expected a user name and a password", { hint: HINT });
  requireUsable(credential);
  return credential;
}

async function askFor(host: string, given: string | undefined, context: Context): Promise<Credential> {
  return await onTerminal(context, noTerminal, async (ask) => {
    const username = given ?? (await ask(`User name for ${host}: `, { what: "user name", shown: true })).trim();
    const password = await ask(`Password of ${username} for ${host}: `, { what: "password" });
    return { type: "basic", username, password };
  });
}

function noTerminal(cause: unknown): OciError {
  return new OciError("USAGE", "Expected --username with --password-stdin, and there is no terminal to ask on", {
    cause,
    hint: HINT,
  });
}

/** What Basic authentication (RFC 7617) and Docker's format have no place for. */
function requireUsable(credential: Credential): void {
  if (credential.type !== "basic") {
    if (!/^[\x21-\x7e]+$/.test(credential.token)) {
      throw new OciError("USAGE", "Expected a token of visible ASCII characters, on one line");
    }
    return;
  }
  const { username, password } = credential;
  // Never shown: with a colon it is likely to have the password in it.
  if (username.includes(":")) {
    throw new OciError("USAGE", "Expected a user name without a colon", { hint: HINT });
  }
  const wrong = (text: string): boolean => text === "" || /\p{Cc}/u.test(text);
  if (wrong(username)) throw new OciError("USAGE", "Expected a user name of visible characters", { hint: HINT });
  if (wrong(password)) {
    throw new OciError("USAGE", "Expected a password on one line, without control characters", { hint: HINT });
  }
}
