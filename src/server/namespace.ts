import { isOciError } from "../error/oci-error.ts";
import { isRepositoryName } from "../spec/name.ts";
import type { Context } from "./context.ts";
import type { ServerResponse } from "./message.ts";
import { single } from "./query.ts";
import type { Route } from "./route.ts";

/**
 * Answers a pull that names the registry it speaks of (distribution-spec, "Registry Proxying":
 * `?ns=`). What was mirrored from `docker.io` into repositories below `docker.io/` is found
 * there, and OCI-Namespace says so. Where there is no such repository, or none that the
 * client may read, the parameter is ignored, as the specification leaves it to a registry.
 */
export async function inNamespace(
  context: Context,
  route: Route,
  answer: (context: Context, route: Route) => Promise<ServerResponse>,
): Promise<ServerResponse> {
  const namespace = single(context.query, "ns");
  const scoped = namespace === undefined ? undefined : await scope(context, route, namespace);
  if (namespace === undefined || !scoped) return answer(context, route);
  let response: ServerResponse;
  try {
    response = await answer(context, scoped);
  } catch (error) {
    // A repository of which the client may see nothing is none.
    if (!isOciError(error, "NAME_UNKNOWN")) throw error;
    return answer(context, route);
  }
  return { ...response, headers: { ...response.headers, "oci-namespace": namespace } };
}

async function scope(context: Context, route: Route, namespace: string): Promise<Route | undefined> {
  const { method, who } = context.request;
  if (method !== "GET" && method !== "HEAD") return undefined;
  if (route.kind !== "manifest" && route.kind !== "blob" && route.kind !== "tags" && route.kind !== "referrers") {
    return undefined;
  }
  const repository = `${namespace}/${route.repository}`;
  if (!isRepositoryName(repository)) return undefined;
  if ((await context.authorize(who, { action: "pull", repository })) !== "allow") return undefined;
  return (await context.readable.has(repository)) ? { ...route, repository } : undefined;
}
