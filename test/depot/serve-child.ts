/** Serves a depot in a process of its own: `serve-child.ts ROOT`. Tells its address, and ends with its parent. */
import { openDepot } from "../../src/depot/open-depot.ts";
import { serve } from "../../src/server/serve.ts";

const depot = await openDepot(process.argv[2] ?? "");
const server = await serve({ registry: depot });
process.send?.(server.url);
process.on("disconnect", () => process.exit());
