import type { Location } from "../store/store.ts";
import type { FetchExternal } from "../store/external.ts";
import type { Surroundings } from "./connections.ts";

/** Opens the way to layers that lie outside of registries, for what comes from a store at this location. */
export async function openExternal(
  location: Location,
  { env }: Pick<Surroundings, "env">,
): Promise<{ readonly fetch: FetchExternal } & AsyncDisposable> {
  const { ExternalLayers } = await import("../remote/external.ts");
  const layers = new ExternalLayers({ env, ...(location.medium === "registry" ? { origin: location.origin } : {}) });
  return {
    fetch: (descriptor, urls, options) => layers.fetch(descriptor, urls, options),
    [Symbol.asyncDispose]: () => layers[Symbol.asyncDispose](),
  };
}
