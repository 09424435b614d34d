import { OciError } from "../error/oci-error.ts";
import { shownJson } from "../spec/json.ts";

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * The address of a service of signing, without a slash at its end: https, or http on this machine alone.
 * @param what names the service in messages
 * @throws OciError USAGE
 */
export function serviceUrl(written: string, what: string): string {
  const url = URL.parse(written);
  const fit = url !== null && (url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.test(url.hostname)));
  if (!fit || url.username !== "" || url.password !== "") {
    throw new OciError("USAGE", `Invalid address of the ${what} ${shownJson(url === null ? written : url.host)}`, {
      hint: "Expected https://host without a user's name; http only on this machine",
    });
  }
  return written.replace(/\/+$/, "");
}
