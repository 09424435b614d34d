import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";

const TARGET = /\s*<([^<>]*)>/y;
const PARAMETER = /\s*;\s*([A-Za-z0-9!#$&+.^_`|~*-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+)))?/y;

/** The target of the `rel="next"` link of a Link header (RFC 8288), if it has one. */
export function nextTarget(header: string | undefined): string | undefined {
  if (header === undefined || header.length > Limits.header) return undefined;
  let at = 0;
  while (at < header.length) {
    TARGET.lastIndex = at;
    const target = TARGET.exec(header);
    if (!target) return undefined;
    at = TARGET.lastIndex;
    let relation: string | undefined;
    for (;;) {
      PARAMETER.lastIndex = at;
      const parameter = PARAMETER.exec(header);
      if (!parameter) break;
      at = PARAMETER.lastIndex;
      if (parameter[1]?.toLowerCase() === "rel") relation ??= parameter[2] ?? parameter[3] ?? "";
    }
    if (relation?.toLowerCase().split(/\s+/).includes("next")) return target[1];
    const comma = header.indexOf(",", at);
    if (comma === -1) return undefined;
    at = comma + 1;
  }
  return undefined;
}

/** Follows the pages of one listing, within caps: same origin only, no page twice. */
export class Pages {
  readonly #origin: string;
  readonly #seen = new Set<string>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  /**
   * The next page, or undefined at the end.
   * @throws OciError PROTOCOL for another origin, a cycle; LIMIT_EXCEEDED for too many pages
   */
  next(link: string | undefined, current: URL): URL | undefined {
    this.#seen.add(current.href);
    const target = nextTarget(link);
    if (target === undefined) return undefined;
    if (!URL.canParse(target, current.href)) throw new OciError("PROTOCOL", "The link to the next page is not a URL");
    const url = new URL(target, current);
    if (url.origin !== this.#origin) {
      throw new OciError("PROTOCOL", `Refused the link to the next page at another origin, ${url.origin}`);
    }
    if (this.#seen.has(url.href)) throw new OciError("PROTOCOL", "The links of this listing lead in a circle");
    if (this.#seen.size >= Limits.pages) {
      throw new OciError("LIMIT_EXCEEDED", `The listing has more than ${Limits.pages} pages`);
    }
    return url;
  }
}
