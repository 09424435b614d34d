import { createMemoryRegistry, createMemoryStore } from "../../src/memory/memory.ts";
import { storeContract } from "./store.ts";

storeContract("memory", async () => ({ open: async () => createMemoryStore(), close: async () => undefined }));

storeContract("a repository of a memory registry", async () => {
  const registry = createMemoryRegistry();
  let count = 0;
  return {
    open: () => registry.repository(`repo/n${(count += 1)}`),
    close: async () => registry[Symbol.asyncDispose](),
  };
});
