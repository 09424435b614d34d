/** Stores and registries that live as long as the process. */
export { createMemoryRegistry, createMemoryStore } from "./memory.ts";
