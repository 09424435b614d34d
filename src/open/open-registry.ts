import { access, constants, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Depot } from "../depot/depot.ts";
import type { DepotEvent } from "../depot/event.ts";
import type { Digest } from "../spec/digest.ts";
import { isRepositoryName, parseRepositoryName } from "../spec/name.ts";
import type { Registry, Store } from "../store/store.ts";

export interface OpenRegistryOptions {
  /** Name of the repository that one layout becomes; by default that of its directory. */
  readonly name?: string;
  readonly readOnly?: boolean;
  /** Milliseconds after which a lease is renewed; a small part of the grace of garbage collection. */
  readonly leaseAge?: number;
  /** Called with what a depot tells of the work that nobody waits for. */
  readonly onDepotEvent?: (event: DepotEvent) => void;
}

/** What a path is as a registry. */
export interface OpenedRegistry {
  readonly registry: Registry;
  /** Set where the path is one layout. */
  readonly name?: string;
  /** Set where the path is a depot: the registry, with what only a depot has. */
  readonly depot?: Depot;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function requireReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.X_OK);
  } catch (cause) {
    throw new OciError("IO", `The directory ${JSON.stringify(path)} cannot be read by this user`, { cause });
  }
}

/**
 * Opens a directory as a registry: one layout is one repository; any other directory is a depot, or, for reading
 * only, a folder of layouts. Only what is needed is loaded.
 * @param path absolute
 * @throws OciError NAME_UNKNOWN, FILE_INVALID, USAGE (also for a folder inside a depot), NAME_INVALID, IO; LOCKED where another process serves the depot
 */
export async function openRegistry(path: string, options: OpenRegistryOptions = {}): Promise<OpenedRegistry> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new OciError("NAME_UNKNOWN", `There is no directory at ${path}`, {
      hint: `Make a layout there with berth layout init ${path}, or an empty folder of layouts with mkdir`,
    });
  }
  if (!found.isDirectory()) throw new OciError("FILE_INVALID", `Expected a directory at ${path}, got a file`);
  await requireReadable(path);
  const readOnly = options.readOnly ?? false;
  const lease = options.leaseAge === undefined ? {} : { leaseAge: options.leaseAge };
  if (await exists(join(path, "oci-layout"))) {
    const { openLayout } = await import("../layout/open-layout.ts");
    const name = options.name === undefined ? nameAfter(path) : parseRepositoryName(options.name);
    return { registry: singleRegistry(name, await openLayout(path, { readOnly, ...lease })), name };
  }
  if (options.name !== undefined) {
    throw new OciError("USAGE", `A name is given, but ${path} is a folder of layouts: each is named by its path`);
  }
  if (readOnly) {
    const { openLayoutFolder } = await import("../layout/folder.ts");
    return { registry: await openLayoutFolder(path, { readOnly }) };
  }
  const [{ openDepot }, { isDepotRoot, requireNoDepotAbove }] = await Promise.all([
    import("../depot/open-depot.ts"),
    import("./depot-above.ts"),
  ]);
  if (!isDepotRoot(path)) requireNoDepotAbove(path);
  const depot = await openDepot(path, {
    ...lease,
    ...(options.onDepotEvent ? { onEvent: options.onDepotEvent } : {}),
  });
  return { registry: depot, depot };
}

function nameAfter(path: string): string {
  const name = basename(resolve(path)).toLowerCase();
  if (isRepositoryName(name)) return name;
  throw new OciError("NAME_INVALID", `The directory's name ${JSON.stringify(name)} cannot name a repository`, {
    hint: "Give a name with --name",
  });
}

/** A registry of exactly one repository. */
export function singleRegistry(name: string, store: Store): Registry {
  return {
    async repository(asked) {
      if (parseRepositoryName(asked) === name) return store;
      throw new OciError("NAME_UNKNOWN", `There is no repository ${JSON.stringify(asked)}: the only one is ${name}`);
    },
    async has(asked) {
      return asked === name;
    },
    async *repositories({ after = "", prefix = "", limit = 1 } = {}) {
      if (name > after && name.startsWith(prefix) && limit > 0) yield name;
    },
    async *holders(digest) {
      if (await has(store, digest)) yield name;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function has(store: Store, digest: Digest): Promise<boolean> {
  try {
    await store.resolve({ digest }, { kind: "blob" });
    return true;
  } catch (error) {
    if (isOciError(error, "BLOB_UNKNOWN", "MANIFEST_UNKNOWN")) return false;
    throw error;
  }
}
