import { OciError } from "../error/oci-error.ts";

/** Where a registry's API answers. */
export interface Endpoint {
  /** The canonical name that credentials are kept under: `docker.io`, `ghcr.io`, `127.0.0.1:5000`. */
  readonly host: string;
  /** Scheme, host and port of the API. */
  readonly origin: string;
  readonly secure: boolean;
}

const HOST =
  /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;
const DOCKER_HUB = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** The one spelling of a host: lower case, Docker Hub's aliases as `docker.io`. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return DOCKER_HUB.has(lower) ? "docker.io" : lower;
}

/** Whether a URL's hostname (brackets and all) or a `host:port` names this very machine. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/:[0-9]+$/, "").replace(/^\[|\]$/g, "");
  if (bare === "localhost" || bare.endsWith(".localhost")) return true;
  if (host.startsWith("[") && bare === "::1") return true;
  return /^127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/.test(bare);
}

/**
 * Finds the API of a host as typed. Loopback hosts are spoken to in plain HTTP, as
 * Docker does; any other only when `plainHttp` says so, and never as a fall-back.
 * A TLS setting on a loopback host means https.
 * @throws OciError LOCATOR_INVALID
 */
export function parseEndpoint(host: string, options: { plainHttp?: boolean; tls?: boolean } = {}): Endpoint {
  const canonical = canonicalHost(host);
  if (host.length > 255 || !HOST.test(canonical)) {
    throw new OciError("LOCATOR_INVALID", `Invalid registry host ${JSON.stringify(host.slice(0, 80))}`);
  }
  const plain = options.plainHttp ?? (isLoopback(canonical) && options.tls !== true);
  const api = canonical === "docker.io" ? "registry-1.docker.io" : canonical;
  const text = `${plain ? "http" : "https"}://${api}`;
  if (!URL.canParse(text)) {
    throw new OciError("LOCATOR_INVALID", `Invalid registry host ${JSON.stringify(host)}`);
  }
  return { host: canonical, origin: new URL(text).origin, secure: !plain };
}

/** Link-local (cloud metadata services), unspecified and loopback addresses: a stranger's redirect may not lead there. */
function isForbidden(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return (
    isLoopback(hostname) ||
    bare.startsWith("169.254.") ||
    bare.startsWith("0.") ||
    /^(?:::|fe[89ab][0-9a-f]:|::ffff:)/.test(bare)
  );
}

/**
 * Resolves a `Location` or `Link` that a registry sent, and refuses what must not be followed:
 * other schemes, a step down from https to http, user information, and addresses of
 * this machine or link-local ones when the registry itself is elsewhere.
 * @throws OciError PROTOCOL
 */
export function resolveLocation(location: string, base: URL, what: string): URL {
  const shown = JSON.stringify(location.slice(0, 200).replace(/\?.*$/s, "?…"));
  if (!URL.canParse(location, base.href)) throw new OciError("PROTOCOL", `The ${what} to ${shown} is not a URL`);
  const url = new URL(location, base);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new OciError("PROTOCOL", `Refused the ${what} to ${shown}: only http and https are followed`);
  }
  if (base.protocol === "https:" && url.protocol === "http:") {
    throw new OciError("PROTOCOL", `Refused the ${what} from https to plain http at ${url.host}`, {
      hint: "A registry behind a proxy must be told that it is reached by https",
    });
  }
  if (url.username !== "" || url.password !== "") {
    throw new OciError("PROTOCOL", `Refused the ${what} to ${url.host}: it carries credentials`);
  }
  if (url.origin !== base.origin && isForbidden(url.hostname) && !isLoopback(base.hostname)) {
    throw new OciError(
      "PROTOCOL",
      `Refused the ${what} from ${base.host} to ${url.host}: an address of this machine or its link`,
    );
  }
  return url;
}
