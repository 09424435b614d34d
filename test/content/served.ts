import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import type { Registry } from "../../src/store/store.ts";

/** A registry in memory, served; disposing ends it. */
export interface ServedRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly registry: Registry;
}

export async function servedRegistry(): Promise<ServedRegistry> {
  const registry = createMemoryRegistry();
  const server = await serve({ registry, host: "127.0.0.1", port: 0 });
  return {
    host: new URL(server.url).host,
    registry,
    async [Symbol.asyncDispose]() {
      await server.close(0);
      await registry[Symbol.asyncDispose]();
    },
  };
}
