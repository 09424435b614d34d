/** A server in a process of its own, so that its memory can be measured: `serve-child.ts sink`, `serve-child.ts FOLDER` or `serve-child.ts FOLDER depot`. */
import { createHash } from "node:crypto";
import { openDepot } from "../../src/depot/open-depot.ts";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { createMemoryRegistry } from "../../src/memory/index.ts";
import { serve } from "../../src/server/serve.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Digest } from "../../src/spec/digest.ts";
import type { Upload } from "../../src/store/blobs.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Registry, Store } from "../../src/store/store.ts";

const [, , where = "sink", medium = "layouts"] = process.argv;

/** Hashes what comes and keeps none of it; hands out as many zeros as its digest names bytes. */
function createSink(): Registry {
  const inner = createMemoryRegistry();
  const known = new Map<Digest, number>();
  return {
    ...inner,
    has: async () => true,
    async repository(name): Promise<Store> {
      return decorate(await inner.repository(name), {
        stage: async () => sinkUpload(known),
        resolve: async (wanted) => {
          const digest = "digest" in wanted ? wanted.digest : ("" as Digest);
          return { mediaType: "application/octet-stream", digest, size: known.get(digest) ?? 0 };
        },
        open: async (descriptor) => ({
          size: descriptor.size,
          async *bytes() {
            for (let left = descriptor.size; left > 0; left -= 1024 * 1024) {
              yield new Uint8Array(Math.min(left, 1024 * 1024));
            }
          },
          [Symbol.asyncDispose]: async () => undefined,
        }),
      });
    },
  };
}

function sinkUpload(known: Map<Digest, number>): Upload {
  const hash = createHash("sha256");
  let offset = 0;
  return {
    id: "sink-upload-0000000000",
    get offset() {
      return offset;
    },
    async append(bytes) {
      for await (const chunk of bytes) {
        hash.update(chunk);
        offset += chunk.length;
      }
      return offset;
    },
    async commit(digest): Promise<Descriptor> {
      if (`sha256:${hash.digest("hex")}` !== digest) throw new Error("Wrong digest");
      known.set(digest, offset);
      return { mediaType: "application/octet-stream", digest, size: offset };
    },
    abort: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function open(): Promise<Registry> {
  if (where === "sink") return createSink();
  return medium === "depot" ? await openDepot(where) : await openLayoutFolder(where);
}

const registry = await open();
const server = await serve({ registry });
process.send?.(server.url);
process.on("message", () => process.send?.(process.resourceUsage().maxRSS * 1024));
process.on("disconnect", () => process.exit());
