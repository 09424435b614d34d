import { encodeJson } from "../spec/json.ts";
import { unknownRepository } from "./authorize.ts";
import { type Context, openReadable, signalOf } from "./context.ts";
import type { ServerResponse } from "./message.ts";
import { nextLink, parsePage } from "./page.ts";

/** Lists tags (distribution-spec, "Listing Tags"; end-8a, end-8b). */
export async function listTags(context: Context, repository: string): Promise<ServerResponse> {
  const { limit, after } = parsePage(context.query);
  const store = await openReadable(context, repository);
  if (!store) throw unknownRepository(repository);
  const tags: string[] = [];
  let more = false;
  if (limit > 0) {
    const page = { limit: limit + 1, ...(after === undefined ? {} : { after }), ...signalOf(context) };
    for await (const { name } of store.tags(page)) {
      more = tags.length === limit;
      if (more) break;
      tags.push(name);
    }
  }
  const body = encodeJson({ name: repository, tags });
  const last = tags.at(-1);
  return {
    status: 200,
    headers: {
      "content-type": "application/json",
      "content-length": `${body.length}`,
      ...(more && last !== undefined ? { link: nextLink(`/v2/${repository}/tags/list`, { n: `${limit}`, last }) } : {}),
    },
    body,
  };
}
