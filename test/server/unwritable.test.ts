import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../../src/bytes/hash.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { diskError } from "../../src/disk/error.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { type ServerEvent, serve } from "../../src/server/serve.ts";

/** A disk that a system call no longer lets write. */
function refusing(code: string): { readonly disk: Disk; refuse: boolean } {
  const state = { refuse: false };
  const check = (operation: string, path: string): void => {
    if (state.refuse) throw diskError(Object.assign(new Error(code), { code }), operation, path);
  };
  const disk: Disk = {
    ...nodeDisk,
    open: async (path, mode) => {
      if (mode !== "read") check("open", path);
      return await nodeDisk.open(path, mode);
    },
    mkdir: async (path) => {
      check("make", path);
      return await nodeDisk.mkdir(path);
    },
    rename: async (source, target) => {
      check("rename", source);
      await nodeDisk.rename(source, target);
    },
  };
  return Object.assign(state, { disk });
}

for (const code of ["EACCES", "EPERM", "EROFS"]) {
  test(`E52: ${code} on writing is 403, which nobody tries again, and reading goes on`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), "berth-unwritable-"));
    try {
      const it = refusing(code);
      const events: ServerEvent[] = [];
      const registry = await openLayoutFolder(root, { disk: it.disk });
      const server = await serve({ registry, onEvent: (event) => events.push(event) });
      t.after(() => server.close(0));
      const body = "content";
      const blob = `${server.url}/v2/a/blobs/uploads/?digest=${digestOf(Buffer.from(body))}`;
      assert.equal((await fetch(blob, { method: "POST", body })).status, 201);
      it.refuse = true;
      for (const [method, url] of [
        ["POST", blob],
        ["POST", `${server.url}/v2/b/blobs/uploads/`],
        ["DELETE", `${server.url}/v2/a/blobs/${digestOf(Buffer.from(body))}`],
      ] as const) {
        const refused = await fetch(url, { method, ...(url === blob ? { body } : {}) });
        assert.equal(refused.status, 403);
        assert.deepEqual(await refused.json(), {
          errors: [{ code: "DENIED", message: "This registry may not write where it keeps its content" }],
        });
        const { error } = events.at(-1) ?? {};
        assert.ok(isOciError(error, "IO") && error.message.includes(root), "the server's own log says where");
      }
      const got = await fetch(`${server.url}/v2/a/blobs/${digestOf(Buffer.from(body))}`);
      assert.equal(await got.text(), body);
    } finally {
      await rm(root, { recursive: true });
    }
  });
}
