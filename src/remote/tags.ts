import { isOciError } from "../error/oci-error.ts";
import { isTag } from "../spec/name.ts";
import type { Signal } from "../store/content.ts";
import type { Page, Tag } from "../store/names.ts";
import { namePages } from "./listing.ts";
import type { RepositoryApi } from "./repository-api.ts";
import { pullScope } from "./scope.ts";

/** Names asked for at once. */
const PAGE = 1000;

/** One page after the other of a repository's tags, as the registry orders them; `last` is exclusive. */
export function tagPages(
  api: RepositoryApi,
  options: Signal & { readonly last?: string; readonly count?: number },
): AsyncGenerator<readonly string[], void, undefined> {
  const query = new URLSearchParams({ n: `${Math.min(options.count ?? PAGE, PAGE)}` });
  if (options.last !== undefined) query.set("last", options.last);
  return namePages({
    host: api.host,
    first: `${api.path("tags/list")}?${query.toString()}`,
    field: "tags",
    operation: `Listing the tags of ${api.name}`,
    request: { repository: api.name, scopes: [pullScope(api.name)] },
    missing: "NAME_UNKNOWN",
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

/**
 * The tags, in ASCII order within each page; between pages the order is the registry's, and the
 * specification allows a locale's. A registry without paging answers with all of them at once:
 * what lies before `after` or beyond `limit` is then left out here.
 */
export async function* listTags(api: RepositoryApi, options: Page = {}): AsyncGenerator<Tag, void, undefined> {
  const { after, limit = Number.POSITIVE_INFINITY, signal } = options;
  if (limit <= 0) return;
  let left = limit;
  const pages = pagesAfter(api, after, {
    ...(Number.isFinite(limit) ? { count: limit } : {}),
    ...(signal ? { signal } : {}),
  });
  let previous: string | undefined;
  for await (const page of pages) {
    for (const name of page.toSorted(ascii)) {
      if (!isTag(name) || name === previous || (after !== undefined && name <= after)) continue;
      previous = name;
      yield { name };
      left -= 1;
      if (left <= 0) return;
    }
  }
}

/** Some registries know no tags after one that is not there: zot says that the repository is not. All are asked for then. */
async function* pagesAfter(
  api: RepositoryApi,
  after: string | undefined,
  options: Signal & { readonly count?: number },
): AsyncGenerator<readonly string[], void, undefined> {
  if (after !== undefined) {
    let begun = false;
    try {
      for await (const page of tagPages(api, { ...options, last: after })) {
        begun = true;
        yield page;
      }
      return;
    } catch (error) {
      if (begun || !isOciError(error, "NAME_UNKNOWN")) throw error;
    }
    // The count is of what lies after the tag, which nobody knows the place of.
    yield* tagPages(api, options.signal ? { signal: options.signal } : {});
    return;
  }
  yield* tagPages(api, options);
}

export function ascii(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
