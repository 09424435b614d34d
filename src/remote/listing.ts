import { collect } from "../bytes/collect.ts";
import type { ErrorCode } from "../error/code.ts";
import { OciError } from "../error/oci-error.ts";
import { isJsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import { statusError } from "./answer-error.ts";
import type { ApiRequest, Host } from "./host.ts";
import { Pages } from "./link.ts";
import { withAnswer } from "./repository-api.ts";

export interface Listing extends Signal {
  readonly host: Host;
  /** Path with its query. */
  readonly first: string;
  /** The array in the answer: `tags`, `repositories`. */
  readonly field: string;
  readonly operation: string;
  readonly request: Pick<ApiRequest, "repository" | "scopes">;
  /** The code of a 404. */
  readonly missing: ErrorCode;
}

/**
 * The pages of a list of names, one array each, as they come.
 * @throws OciError of the status, PROTOCOL, LIMIT_EXCEEDED
 */
export async function* namePages(listing: Listing): AsyncGenerator<readonly string[], void, undefined> {
  const { host, field, operation, missing } = listing;
  const pages = new Pages(host.origin.origin);
  let url: URL | undefined = new URL(listing.first, host.origin);
  while (url) {
    const current: URL = url;
    const sent = host.send({
      method: "GET",
      url: current,
      headers: { accept: "application/json" },
      ...listing.request,
      ...(listing.signal ? { signal: listing.signal } : {}),
    });
    const page = await withAnswer(sent, async (answer) => {
      if (answer.status !== 200) throw await statusError(answer, { operation, url: host.origin, missing });
      const what = `list of ${field} of ${host.origin.host}`;
      const document = parseJson(await collect(answer.bytes(), Limits.answer, what), what, "PROTOCOL");
      const names = isJsonObject(document) ? (document[field] ?? []) : undefined;
      if (!Array.isArray(names)) throw new OciError("PROTOCOL", `Invalid ${what}: no array`);
      return {
        names: names.filter((name) => typeof name === "string"),
        next: pages.next(answer.headers["link"], current),
      };
    });
    yield page.names;
    url = page.next;
  }
}
