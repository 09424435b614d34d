import { encodeJson } from "../spec/json.ts";
import { type Context, openReadable, permit } from "./context.ts";
import type { ServerResponse } from "./message.ts";

/** What the answer says of one extension (distribution-spec, extensions/_oci.md). */
interface Extension {
  readonly name: string;
  readonly url: string;
  readonly description: string;
  readonly endpoints: readonly string[];
}

const DISCOVER: Extension = {
  name: "_oci",
  url: "https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md",
  description: "Lists the extensions of this API",
  endpoints: ["_oci/ext/discover"],
};
const CATALOG: Extension = {
  name: "_catalog",
  url: "https://distribution.github.io/distribution/spec/api/#catalog",
  description: "Lists the repositories",
  endpoints: ["_catalog"],
};
const ORAS: Extension = {
  name: "_oras",
  url: "https://github.com/oras-project/artifacts-spec/blob/main/manifest-referrers-api.md",
  description: "Lists referrers, the most recent first",
  endpoints: ["_oras/artifacts/referrers"],
};

/** Says which extensions there are, of the registry or of a repository: the same whether that is there, hidden or not. */
export async function listExtensions(context: Context, repository?: string): Promise<ServerResponse> {
  if (repository === undefined) await permit(context, { action: "ping", repository: "" });
  else await openReadable(context, repository);
  const body = encodeJson({ extensions: repository === undefined ? [DISCOVER, CATALOG] : [DISCOVER, ORAS] });
  return { status: 200, headers: { "content-type": "application/json", "content-length": `${body.length}` }, body };
}
