import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Store } from "../../src/store/store.ts";

/** A temporary directory, gone when disposed. */
export interface Scene extends AsyncDisposable {
  readonly root: string;
  /** Writes files by their relative paths. */
  write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>;
  path(...parts: readonly string[]): string;
}

export async function openScene(): Promise<Scene> {
  const root = await mkdtemp(join(tmpdir(), "berth-artifact-"));
  return {
    root,
    path: (...parts) => join(root, ...parts),
    async write(files) {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(root, name)), { recursive: true });
        await writeFile(join(root, name), content);
      }
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** Everything below a directory: paths with what they hold. */
export async function treeOf(root: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    if (entry.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    else if (entry.isDirectory()) found[`${name}/`] = "";
    else found[name] = await readFile(path, "latin1");
  }
  return found;
}

/** The stores that artifacts are tried on. */
export const stores: readonly { readonly name: string; open(scene: Scene): Promise<Store> }[] = [
  { name: "memory", open: () => Promise.resolve(createMemoryStore()) },
  { name: "layout", open: (scene) => openLayout(scene.path("layout"), { create: true }) },
];
