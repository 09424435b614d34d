import { encodeJson } from "../spec/json.ts";
import { type Context, permit, signalOf } from "./context.ts";
import type { ServerResponse } from "./message.ts";
import { nextLink, parsePage } from "./page.ts";

/** Lists the repositories that the client may read: Docker's `_catalog`, reserved by the spec. */
export async function listCatalog(context: Context): Promise<ServerResponse> {
  await permit(context, { action: "catalog", repository: "" });
  const { limit, after } = parsePage(context.query);
  const repositories: string[] = [];
  let more = false;
  if (limit > 0) {
    const page = { ...(after === undefined ? {} : { after }), ...signalOf(context) };
    for await (const repository of context.readable.repositories(page)) {
      if ((await context.authorize(context.request.who, { action: "pull", repository })) !== "allow") continue;
      more = repositories.length === limit;
      if (more) break;
      repositories.push(repository);
    }
  }
  const body = encodeJson({ repositories });
  const last = repositories.at(-1);
  return {
    status: 200,
    headers: {
      "content-type": "application/json",
      "content-length": `${body.length}`,
      ...(more && last !== undefined ? { link: nextLink("/v2/_catalog", { n: `${limit}`, last }) } : {}),
    },
    body,
  };
}
