import { OciError } from "../error/oci-error.ts";
import { header, type ServerRequest } from "./message.ts";

/**
 * Refuses to change anything for a page of another site: a browser sends what such a page tells
 * it to, also to a registry that only this machine reaches, and a POST without asking first.
 * Browsers say where a request comes from (Fetch Metadata, or at least Origin, RFC 6454 section
 * 7); registry clients send neither.
 * @throws OciError DENIED
 */
export function refuseCrossSite(request: ServerRequest): void {
  if (request.method === "GET" || request.method === "HEAD") return;
  const site = header(request, "sec-fetch-site");
  const origin = header(request, "origin");
  const isForeign =
    site === undefined
      ? origin !== undefined && hostOf(origin) !== header(request, "host")?.toLowerCase()
      : site !== "same-origin" && site !== "none";
  if (isForeign) throw new OciError("DENIED", "Pages of other sites may not change anything here");
}

/** Host and port of an origin; undefined for one that is opaque. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/?#@]+)$/i.exec(origin)?.[1]?.toLowerCase();
}
