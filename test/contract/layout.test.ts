import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLayout } from "../../src/layout/open-layout.ts";
import { storeContract } from "./store.ts";

storeContract("a layout", async () => {
  const root = await mkdtemp(join(tmpdir(), "berth-layout-"));
  let count = 0;
  return {
    open: () => openLayout(join(root, `${(count += 1)}`), { create: true }),
    close: () => rm(root, { recursive: true }),
  };
});

storeContract("a layout made by its first write", async () => {
  const root = await mkdtemp(join(tmpdir(), "berth-layout-"));
  let count = 0;
  return {
    open: () => openLayout(join(root, `${(count += 1)}`), { create: "lazy" }),
    close: () => rm(root, { recursive: true }),
  };
});
