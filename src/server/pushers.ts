import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { OciError } from "../error/oci-error.ts";
import { type Authorize } from "./authorize.ts";
import { header, type ServerRequest } from "./message.ts";

/** Tells pushers from everybody else by their credentials. */
export interface Pushers {
  /** The user's name of whoever gives a right password; undefined for all others. */
  readonly authenticate: (request: Pick<ServerRequest, "headers">) => string | undefined;
  /** Everybody may read; pushers may write. */
  readonly authorize: Authorize;
}

const MOST = 1000;
/** Users and passwords, of a file as of a header. */
const LONGEST = 1024;
/** What htpasswd writes: the text would be taken for the password itself. */
const HASHED = /^(?:\$(?:2[abxy]?|apr1|[156y])\$|\{SHA\})/;

/**
 * Reads `user:password`, one a line; empty lines and those that begin with # say nothing.
 * @param what the file, for messages, which never quote it
 * @throws OciError FILE_INVALID
 */
export function parsePushers(text: string, what: string): Pushers {
  const key = randomBytes(32);
  const seal = (credential: string): Buffer => createHmac("sha256", key).update(credential).digest();
  const known = new Map<string, Buffer>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const invalid = (problem: string): OciError =>
      new OciError("FILE_INVALID", `Invalid ${what}, line ${at + 1}: ${problem}`, {
        hint: "Write user:password, one a line, with the password as it is typed",
      });
    const colon = line.indexOf(":");
    if (colon < 1 || colon === line.length - 1) throw invalid("expected user:password");
    if (HASHED.test(line.slice(colon + 1))) throw invalid("the password is a hash");
    if (line.length > LONGEST) throw invalid(`more than ${LONGEST} characters`);
    const user = line.slice(0, colon);
    if (known.has(user)) throw invalid("a user is there twice");
    if (known.size === MOST) throw invalid(`more than ${MOST} users`);
    known.set(user, seal(line));
  }
  if (known.size === 0) throw new OciError("FILE_INVALID", `There is no user:password in the ${what}`);
  const nobody = randomBytes(32);
  return {
    authenticate(request) {
      const given = credentialOf(request);
      if (given === undefined) return undefined;
      const user = given.slice(0, given.indexOf(":"));
      // The same work whether the user is known or not.
      const matches = timingSafeEqual(seal(given), known.get(user) ?? nobody);
      return matches ? user : undefined;
    },
    authorize: (who, { action }) =>
      who === undefined && (action === "push" || action === "delete") ? "deny" : "allow",
  };
}

/** `user:password` of Basic credentials (RFC 7617), whatever else is not there. */
function credentialOf(request: Pick<ServerRequest, "headers">): string | undefined {
  const value = header(request, "authorization");
  if (value === undefined || value.length > 2 * LONGEST) return undefined;
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(value) ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  return text.indexOf(":") > 0 ? text : undefined;
}
