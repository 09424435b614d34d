import assert from "node:assert/strict";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isOciError } from "../../src/error/oci-error.ts";
import { scene } from "./scene.ts";

/** A work folder beside a tree that nobody may touch. */
export async function watched(): Promise<{
  readonly path: (name: string) => string;
  readonly outside: string;
  /** Fails when anything outside of the work folder changed. */
  check(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const at = await scene();
  const outside = at.path("sentinel");
  await mkdir(join(outside, "deep"), { recursive: true });
  await mkdir(at.path("work"));
  await writeFile(join(outside, "file"), "untouched");
  await writeFile(join(outside, "deep/file"), "untouched");
  const look = async (): Promise<unknown> => {
    const names = (await readdir(outside, { recursive: true })).toSorted();
    const stats = await Promise.all(
      ["", ...names].map(async (name) => {
        const { mode, ino, size, nlink, mtimeMs, ctimeMs } = await stat(join(outside, name));
        return { name, mode, ino, size, nlink, mtimeMs, ctimeMs };
      }),
    );
    return { names, stats, around: (await readdir(at.path("."))).toSorted() };
  };
  const before = await look();
  return {
    path: (name) => at.path(`work/${name}`),
    outside,
    check: async () => assert.deepEqual(await look(), before),
    [Symbol.asyncDispose]: async () => {
      await at[Symbol.asyncDispose]();
    },
  };
}

/** The code of an error that has to be one of ours. */
export function codeOf(error: unknown): string {
  assert.ok(isOciError(error), String(error));
  return error.code;
}
