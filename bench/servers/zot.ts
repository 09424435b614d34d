import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { peer } from "../peer.ts";
import { freePort, type Kind, launch } from "./server.ts";

/** zot: layouts on disk, writes made durable as the others do (`commit`), no garbage collection meanwhile. */
export const zot: Kind = {
  name: "zot",
  version: () => peer("zot"),
  async start(folder) {
    const port = await freePort();
    const file = join(folder, "zot.json");
    const configuration = {
      distSpecVersion: "1.1.1",
      storage: { rootDirectory: join(folder, "data"), commit: true, gc: false },
      http: { address: "127.0.0.1", port: `${port}` },
      log: { level: "info" },
    };
    await writeFile(file, JSON.stringify(configuration));
    return await launch({ name: "zot", folder, command: ["zot", "serve", file], port });
  },
};
