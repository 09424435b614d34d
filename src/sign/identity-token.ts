import { OciError } from "../error/oci-error.ts";
import { isJsonObject, type JsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";

/** An OpenID token, read but not verified: that is for the certificate authority. */
export interface IdentityToken {
  /** A secret as long as it is valid. */
  readonly token: string;
  readonly subject: string;
  readonly issuer: string;
}

/** Gets a token; asked again for each certificate. */
export type TokenSource = (options: { readonly signal?: AbortSignal }) => Promise<string>;

const JWT = /^[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*$/;

/**
 * Reads who a token speaks of, so that a wrong one costs no request. Nothing of it gets into a message but the names.
 * @throws OciError USAGE
 */
export function parseIdentityToken(text: string, now: Date = new Date()): IdentityToken {
  const token = text.trim();
  const payload = token.length <= Limits.identityToken ? JWT.exec(token)?.[1] : undefined;
  if (payload === undefined) throw invalid("expected a JSON Web Token");
  const claims = parseSecretJson(Buffer.from(payload, "base64url"));
  if (claims === undefined) throw invalid("its claims must be an object");
  const { iss, sub, email, email_verified: verified, exp } = claims;
  if (typeof iss !== "string" || iss === "") throw invalid("it does not say who issued it");
  if (typeof exp === "number" && exp * 1000 <= now.getTime()) {
    throw invalid(`it expired at ${new Date(exp * 1000).toISOString()}`);
  }
  if (typeof email === "string" && email !== "") {
    if (verified === true || verified === "true") return { token, subject: email, issuer: iss };
    throw invalid("its issuer did not verify the address in it");
  }
  if (typeof sub !== "string" || sub === "") throw invalid("it does not say whom it is of");
  return { token, subject: sub, issuer: iss };
}

/** An object, or undefined: what the parser says of anything else repeats some of it. */
export function parseSecretJson(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(bytes, "secret");
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function invalid(why: string): OciError {
  return new OciError("USAGE", `Invalid identity token: ${why}`, {
    hint: "A token of an OpenID provider that the certificate authority knows, for the audience sigstore",
  });
}
