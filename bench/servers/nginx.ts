import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { peer } from "../peer.ts";
import { freePort, type Kind, launch } from "./server.ts";

/** nginx with static files: no registry, but what a core can do; it tells a noisy machine. */
export const nginx: Kind = {
  name: "nginx",
  version: () => peer("nginx"),
  async start(folder) {
    const port = await freePort();
    const file = join(folder, "nginx.conf");
    const data = join(folder, "data");
    await mkdir(data, { recursive: true });
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    const configuration = [
      "daemon off; master_process off;",
      `pid ${join(folder, "pid")}; error_log ${join(folder, "error.log")};`,
      "events { worker_connections 256; }",
      `http { access_log ${join(folder, "access.log")}; sendfile on; keepalive_requests 1000000000;`,
      ...temporary.map((name) => `${name}_temp_path ${join(folder, "temporary")};`),
      `server { listen 127.0.0.1:${port}; root ${data}; } }`,
    ];
    await writeFile(file, configuration.join("\n"));
    return await launch({ name: "nginx", folder, command: ["nginx", "-c", file], port });
  },
};
