import { resolve } from "node:path";
import type { ArchiveLocator, DockerArchiveLocator, LayoutLocator, Locator, RegistryLocator } from "../spec/locator.ts";
import { DEFAULT_TAG, formatReference, parseReference } from "../spec/reference.ts";
import type { Signal } from "../store/content.ts";
import { decorate } from "../store/decorate.ts";
import type { Store } from "../store/store.ts";
import type { HeldArchive } from "./archives.ts";
import type { OpenOptions } from "./open-options.ts";
import type { Opened } from "./opened.ts";

/**
 * Opens the store that a locator names; only the medium that is needed is loaded.
 * @throws OciError NAME_UNKNOWN, LAYOUT_INVALID, ARCHIVE_INVALID, FILE_INVALID, UNSUPPORTED
 */
export async function openLocator(locator: Locator, options: OpenOptions): Promise<Opened> {
  switch (locator.medium) {
    case "registry":
      return opened(locator, await openRegistryStore(locator, options));
    case "layout":
      return opened(locator, await openLayoutStore(locator, options));
    case "archive":
    case "docker-archive":
      return await openArchiveStore(locator, options);
  }
}

function opened(locator: RegistryLocator | LayoutLocator, store: Store): Opened {
  return {
    locator,
    store,
    ...(locator.tag === undefined ? {} : { tag: locator.tag }),
    ...(locator.digest === undefined ? {} : { digest: locator.digest }),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
    },
  };
}

async function openArchiveStore(locator: ArchiveLocator | DockerArchiveLocator, options: OpenOptions): Promise<Opened> {
  const { Archives } = await import("./archives.ts");
  const archives = options.archives ?? new Archives();
  const held = await archives.open(locator, options);
  const { store, archive } = held;
  return {
    locator,
    store: decorate(store, { [Symbol.asyncDispose]: async () => undefined }),
    ...archiveName(locator, held),
    ...(archive ? { commit: (signal?: Signal) => archive.commit(signal) } : {}),
    [Symbol.asyncDispose]: async () => {
      if (!options.archives) await archives[Symbol.asyncDispose]();
    },
  };
}

/** What a locator names in an archive. */
function archiveName(
  locator: ArchiveLocator | DockerArchiveLocator,
  { docker, names, unnamed }: HeldArchive,
): Pick<Opened, "tag" | "digest" | "unnamed"> {
  const written = locator.medium === "archive" ? locator.tag : locator.name;
  if (names) return written === undefined ? {} : { tag: nameTag(written, names) };
  const tag = written === undefined ? undefined : (docker?.names.tagOf(written) ?? written);
  const digest = locator.medium === "archive" ? locator.digest : undefined;
  const only = docker?.unnamed ?? unnamed;
  return {
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    ...(only === undefined ? {} : { unnamed: only }),
  };
}

/** The tag at the end of an image's name in a docker archive, which gets that name. */
function nameTag(name: string, names: Map<string, Set<string>>): string {
  const reference = parseReference(name);
  const tag = reference.tag ?? DEFAULT_TAG;
  const known = names.get(tag) ?? new Set<string>();
  names.set(tag, known.add(formatReference({ ...reference, tag })));
  return tag;
}

async function openLayoutStore(locator: LayoutLocator, options: OpenOptions): Promise<Store> {
  const { openLayout } = await import("../layout/open-layout.ts");
  const { mode, signal } = options;
  return openLayout(resolve(options.cwd, locator.path), {
    // Made with the first write, so that a command that fails before leaves nothing.
    ...(mode === "create" || mode === "plan" ? { create: "lazy" } : {}),
    readOnly: mode === "read" || mode === "plan",
    ...(signal === undefined ? {} : { signal }),
  });
}

async function openRegistryStore(locator: RegistryLocator, options: OpenOptions): Promise<Store> {
  const [{ openRemote }, { Connections }, { remoteSettings }] = await Promise.all([
    import("../remote/open-remote.ts"),
    import("./connections.ts"),
    import("./remote-settings.ts"),
  ]);
  const connections = options.connections ?? new Connections();
  const settings = await remoteSettings(locator.host, options, connections);
  const hosts = connections.acquire(options.env);
  const store = await openRemote({ ...settings, repository: locator.repository, hosts });
  let open = true;
  return decorate(store, {
    [Symbol.asyncDispose]: async () => {
      if (!open) return;
      open = false;
      await store[Symbol.asyncDispose]();
      await connections.release();
    },
  });
}
