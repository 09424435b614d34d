import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openArchive } from "../../src/archive/open-archive.ts";
import { storeContract } from "./store.ts";

for (const name of ["tar", "tar.zst"]) {
  storeContract(`an archive (.${name})`, async () => {
    const root = await mkdtemp(join(tmpdir(), "berth-archive-"));
    let count = 0;
    return {
      open: () => openArchive(join(root, `${(count += 1)}.${name}`), { create: true }),
      close: () => rm(root, { recursive: true }),
    };
  });
}
