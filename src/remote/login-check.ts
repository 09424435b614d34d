import { OciError, isOciError } from "../error/oci-error.ts";
import type { Signal } from "../store/content.ts";
import { statusError } from "./answer-error.ts";
import { basicHeader, type Credential } from "./credential.ts";
import type { Host } from "./host.ts";

/**
 * Asks a registry whether it takes credentials: GET /v2/, and whatever that challenges to.
 * @param host made with these credentials
 * @returns whether it asked for any at all
 * @throws OciError UNAUTHORIZED or DENIED where it does not take them, NETWORK, PROTOCOL; never with a secret,
 *   whatever the registry says
 */
export async function checkLogin(host: Host, credential: Credential, { signal }: Signal = {}): Promise<boolean> {
  try {
    await using answer = await host.send({
      method: "GET",
      url: "/v2/",
      scopes: [],
      ...(signal ? { signal } : {}),
    });
    if (answer.url.origin !== host.origin.origin) {
      throw new OciError("PROTOCOL", `${host.origin.host} is answered for by ${answer.url.host}`, {
        hint: `Log in to ${answer.url.host}, or store the login without asking: --no-check`,
      });
    }
    if (answer.status === 200) return host.asksForCredentials;
    throw await statusError(answer, {
      operation: "Checking the credentials",
      url: answer.url,
      missing: "NAME_UNKNOWN",
    });
  } catch (error) {
    throw isOciError(error) ? told(error, credential) : error;
  }
}

/** The error as it may be shown: without a secret that came back, and with a hint that fits. */
function told(error: OciError, credential: Credential): OciError {
  const refused = error.code === "UNAUTHORIZED" || error.code === "DENIED";
  const what = credential.type === "basic" ? "the user name and the password" : "the token";
  const hint = refused ? `Check ${what}; nothing was stored` : error.hint;
  const secrets = secretsOf(credential);
  const message = secrets.reduce((text, secret) => text.replaceAll(secret, "***"), error.message);
  const { operation, status } = error.context;
  return new OciError(error.code, message, {
    hint,
    ...(operation === undefined ? {} : { operation }),
    ...(status === undefined ? {} : { status }),
    ...(message === error.message && !refused ? { cause: error } : {}),
  });
}

function secretsOf(credential: Credential): readonly string[] {
  if (credential.type !== "basic") return [credential.token];
  const { username, password } = credential;
  return [password, JSON.stringify(password).slice(1, -1), basicHeader(username, password).slice("Basic ".length)];
}
