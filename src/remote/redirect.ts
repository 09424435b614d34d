import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import type { OnRemoteEvent } from "./event.ts";
import { resolveLocation } from "./origin.ts";
import { isRead, type WireAnswer } from "./wire.ts";

export interface Redirectable {
  readonly url: URL;
  readonly method: string;
  readonly onEvent?: OnRemoteEvent;
  /** `trusted` turns false with the first hop to another origin and stays so. */
  readonly send: (url: URL, trusted: boolean) => Promise<WireAnswer>;
}

const PERMANENT_METHOD = new Set([307, 308]);
const FOR_READS = new Set([301, 302, 303, 307, 308]);

/**
 * Follows redirects by hand (RFC 9110 section 15.4): reads through any of them, writes
 * only where the method is kept. Nothing secret leaves the first origin.
 * @throws OciError PROTOCOL for a refused target or too many hops
 */
export async function followRedirects(request: Redirectable): Promise<WireAnswer & { readonly url: URL }> {
  const followed = isRead(request.method) ? FOR_READS : PERMANENT_METHOD;
  let { url } = request;
  let trusted = true;
  for (let hop = 0; ; hop += 1) {
    const answer = await request.send(url, trusted);
    const location = answer.headers["location"];
    if (!followed.has(answer.status) || location === undefined) return { ...answer, url };
    await answer.drain();
    if (hop >= Limits.redirects) {
      throw new OciError("PROTOCOL", `${request.url.host} redirected more than ${Limits.redirects} times`);
    }
    const target = resolveLocation(location, url, "redirect");
    if (target.origin !== request.url.origin) trusted = false;
    request.onEvent?.({
      type: "redirect",
      from: `${url.origin}${url.pathname}`,
      to: `${target.origin}${target.pathname}`,
    });
    url = target;
  }
}
