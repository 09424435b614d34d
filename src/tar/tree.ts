import { type Dirent } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { OciError } from "../error/oci-error.ts";
import type { TarEntry } from "./entry.ts";
import { fileBytes, fileError } from "./file.ts";
import type { TarInput } from "./write.ts";

/** Who owns every entry of a packed tree. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface TreeOptions {
  /** A folder or a file on this machine. */
  readonly source: string;
  /**
   * Where it goes in the archive: a folder's content below this path, a file as this path, or
   * below it with its own name when the path ends with a slash. "/" by default.
   */
  readonly target?: string;
  /** Seconds since 1970 that every entry gets. 0 by default. */
  readonly epoch?: number;
  /** 0:0 by default. */
  readonly owner?: Owner;
  readonly signal?: AbortSignal;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function wrong(path: string, problem: string, hint?: string): OciError {
  return new OciError(
    "FILE_INVALID",
    `Cannot pack ${JSON.stringify(path)}: ${problem}`,
    hint === undefined ? {} : { hint },
  );
}

/** The parts of a path inside an archive. @throws OciError USAGE when it leaves the root */
function archiveParts(target: string): string[] {
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || target.includes("\0")) {
    throw new OciError("USAGE", `Invalid path in the image ${JSON.stringify(target)}: it must not contain ..`);
  }
  return parts;
}

/**
 * Lists a folder or a file as the entries of a tar: parents first, in the byte order of
 * the paths, modes 0755 and 0644 (0755 where the owner may execute), one time and one
 * owner for all, so that equal trees give equal archives. Symbolic links are kept as they
 * are; each name of a hard-linked file becomes a file of its own.
 * @throws OciError FILE_INVALID (missing, unreadable, a socket, device or fifo, changed meanwhile), USAGE
 */
export async function* treeEntries(options: TreeOptions): AsyncGenerator<TarInput, void, undefined> {
  const target = options.target ?? "/";
  const parts = archiveParts(target);
  const stat = await lstat(options.source).catch((error: unknown) => {
    throw fileError(options.source, error);
  });
  if (!stat.isDirectory()) {
    const own = options.source.split("/").findLast((part) => part !== "") ?? "";
    if (target.endsWith("/") || parts.length === 0) parts.push(own);
    yield* parents(parts.slice(0, -1), options);
    yield await leaf(options.source, parts.join("/"), options);
    return;
  }
  yield* parents(parts, options);
  yield* children(options.source, parts.join("/"), options);
}

function* parents(parts: readonly string[], options: TreeOptions): Generator<TarInput, void, undefined> {
  for (let depth = 1; depth <= parts.length; depth += 1) {
    yield { entry: entryOf(parts.slice(0, depth).join("/"), "directory", 0o755, 0, options) };
  }
}

/** One folder that is being walked: what is left of it, last name first. */
interface Level {
  readonly folder: string;
  readonly path: string;
  readonly names: { readonly name: string; readonly directory: boolean }[];
}

/** Walks without recursion, so that depth costs no stack. */
async function* children(
  folder: string,
  path: string,
  options: TreeOptions,
): AsyncGenerator<TarInput, void, undefined> {
  const levels: Level[] = [await list(folder, path)];
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    options.signal?.throwIfAborted();
    const next = level.names.pop();
    if (!next) {
      levels.pop();
      continue;
    }
    const file = `${level.folder}/${next.name}`;
    const inside = level.path === "" ? next.name : `${level.path}/${next.name}`;
    if (next.directory) {
      yield { entry: entryOf(inside, "directory", 0o755, 0, options) };
      levels.push(await list(file, inside));
    } else {
      yield await leaf(file, inside, options);
    }
  }
}

/** Reads one folder, names in falling byte order; a folder sorts as if its name ended with a slash, as its path in a tar does. */
async function list(folder: string, path: string): Promise<Level> {
  let found: Dirent<Buffer>[];
  try {
    found = await readdir(folder, { withFileTypes: true, encoding: "buffer" });
  } catch (error) {
    throw fileError(folder, error);
  }
  const names = found.map((dirent) => {
    const directory = dirent.isDirectory();
    try {
      const name = decoder.decode(dirent.name);
      return { name, directory, key: directory ? Buffer.concat([dirent.name, Buffer.from("/")]) : dirent.name };
    } catch (cause) {
      throw new OciError("FILE_INVALID", `A name in ${JSON.stringify(folder)} is not valid UTF-8`, { cause });
    }
  });
  return { folder, path, names: names.toSorted((a, b) => Buffer.compare(b.key, a.key)) };
}

async function leaf(file: string, path: string, options: TreeOptions): Promise<TarInput> {
  const stat = await lstat(file).catch((error: unknown) => {
    throw fileError(file, error);
  });
  if (stat.isSymbolicLink()) {
    const linkPath = await readlink(file, { encoding: "buffer" });
    try {
      return { entry: { ...entryOf(path, "symlink", 0o777, 0, options), linkPath: decoder.decode(linkPath) } };
    } catch (cause) {
      throw new OciError("FILE_INVALID", `The target of ${JSON.stringify(file)} is not valid UTF-8`, { cause });
    }
  }
  if (!stat.isFile()) {
    const kind = stat.isSocket()
      ? "a socket"
      : stat.isFIFO()
        ? "a fifo"
        : stat.isDirectory()
          ? "a folder now"
          : "a device";
    throw wrong(file, `it is ${kind}`, "Remove it, or pack a folder without it");
  }
  const mode = (stat.mode & 0o100) === 0 ? 0o644 : 0o755;
  const { signal } = options;
  return {
    entry: entryOf(path, "file", mode, stat.size, options),
    content: () => fileBytes(file, signal ? { signal } : {}),
  };
}

function entryOf(path: string, type: TarEntry["type"], mode: number, size: number, options: TreeOptions): TarEntry {
  const owner = options.owner ?? { uid: 0, gid: 0 };
  return { path, type, mode, size, ...owner, userName: "", groupName: "", modifiedAt: options.epoch ?? 0 };
}
