import { resolve } from "node:path";
import type { Archive, Packer } from "../archive/archive.ts";
import type { ArchiveFile } from "../archive/archive-file.ts";
import type { NamesOfTags } from "../archive/docker-images.ts";
import type { DockerArchive } from "../archive/docker-store.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Digest } from "../spec/digest.ts";
import { entryName, type LayoutIndex } from "../spec/layout-index.ts";
import { type ArchiveLocator, type DockerArchiveLocator, formatLocator } from "../spec/locator.ts";
import { parseDigestTag } from "../spec/referrer.ts";
import type { Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";
import type { ArchiveOpening } from "./archive-opening.ts";

type AnyArchive = ArchiveLocator | DockerArchiveLocator;

/** An archive that is open: a layout, or what docker save wrote. */
export interface HeldArchive {
  readonly store: Store;
  readonly archive?: Archive;
  readonly docker?: DockerArchive;
  /** The only thing in a layout, where it has no tag. */
  readonly unnamed?: Digest;
  /** Of a docker archive that is written: the names that its tags get. */
  readonly names?: Map<string, Set<string>>;
}

/** Archives that several commands change together: what each changes in one is seen by the next, and written at the end. */
export interface SharedArchives {
  readonly archives: Archives;
  /** Whether an archive is shared; it stays open for who asked. */
  acquire(path: string): boolean;
}

/**
 * The archives that one command works on. Each is opened once, however often it is named, and all that a command
 * changes in one is written in one step at its end.
 */
export class Archives implements AsyncDisposable {
  readonly #held = new Map<string, Promise<HeldArchive>>();
  readonly #shared: SharedArchives | undefined;
  readonly #waiting = new Set<string>();

  constructor(shared?: SharedArchives) {
    this.#shared = shared;
  }

  /** The shared archives that were changed here: what they hold is still to be written. */
  get waiting(): ReadonlySet<string> {
    return this.#waiting;
  }

  /** @throws OciError NAME_UNKNOWN, UNSUPPORTED, ARCHIVE_INVALID, LAYOUT_INVALID, LIMIT_EXCEEDED, FILE_INVALID, IO */
  async open(locator: AnyArchive, options: ArchiveOpening): Promise<HeldArchive> {
    const isStream = locator.path === "-";
    const writes = options.mode === "create" || options.mode === "plan";
    const path = isStream ? "-" : await archiveFile(locator, options.cwd);
    const shared = isStream ? undefined : this.#sharedFor(locator, path, options);
    const key = shared ? `${path} shared` : isStream && writes ? "- out" : path;
    const known =
      this.#held.get(key) ?? (shared ? nested(shared, locator, options) : this.#open(locator, path, options));
    this.#held.set(key, known);
    // What could not be opened may be opened in another way.
    known.catch(() => this.#held.delete(key));
    const held = await known;
    if (held.docker && options.mode !== "read") await refuseDocker(locator);
    if (options.mode === "write" || options.mode === "create") held.archive?.allowWrites();
    return held;
  }

  /** Writes what was changed. @throws OciError CONFLICT, LOCKED, NO_SPACE, IO, UNSUPPORTED */
  async commit(options: Signal = {}): Promise<void> {
    for (const [key, held] of this.#held) {
      const { archive } = await held;
      if (archive?.dirty && key.endsWith(" shared")) this.#waiting.add(archive.path);
      await archive?.commit(options);
    }
  }

  /** Writes what was changed in one archive, and closes it. @throws OciError CONFLICT, LOCKED, NO_SPACE, IO */
  async settle(path: string, options: Signal = {}): Promise<void> {
    const held = this.#held.get(path);
    this.#held.delete(path);
    if (!held) return;
    const { store, archive } = await held;
    await using _store = store;
    await archive?.commit(options);
  }

  /** Where somebody changes an archive that is shared, or reads what others have changed in it. */
  #sharedFor(locator: AnyArchive, path: string, options: ArchiveOpening): Archives | undefined {
    const shared = this.#shared;
    if (!shared || locator.medium === "docker-archive" || options.replace || options.loadable) return undefined;
    if (options.mode === "plan" || !shared.acquire(path)) return undefined;
    return options.mode !== "read" || shared.archives.#held.has(path) ? shared.archives : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const held of all) {
      const { store } = await held.catch(() => ({ store: undefined }));
      await store?.[Symbol.asyncDispose]();
    }
  }

  async #open(locator: AnyArchive, path: string, options: ArchiveOpening): Promise<HeldArchive> {
    const writes = options.mode === "create" || options.mode === "plan";
    if (locator.medium === "docker-archive" && options.mode === "write") await refuseDocker(locator);
    if (path === "-" && options.mode === "write") {
      throw new OciError("UNSUPPORTED", "Standard input cannot be changed", {
        reference: formatLocator(locator),
        hint: "Copy it into a file or a layout first: berth copy oci-archive:- ocidir://layout",
      });
    }
    if (path === "-" && writes) return await created(locator, undefined, options);
    if (path !== "-" && options.replace) return await created(locator, path, options);
    const file = path === "-" ? await standardInput(locator, options) : await openFile(path, options);
    if (file === undefined) {
      if (writes) return await created(locator, path, options);
      const { noArchive } = await import("../archive/archive.ts");
      throw noArchive(locator.path);
    }
    if (locator.medium === "docker-archive" && writes) {
      await file.file[Symbol.asyncDispose]();
      throw new OciError("UNSUPPORTED", `There is a file at ${JSON.stringify(locator.path)} already`, {
        side: "target",
        hint: "Nothing can be added to a docker archive: remove it, or give another name",
      });
    }
    return await opened(locator, file, options);
  }
}

/** The file that an archive is, whatever leads there; its name, where there is none yet. */
export async function archiveFile({ path }: Pick<AnyArchive, "path">, cwd: string): Promise<string> {
  const { realArchivePath } = await import("../archive/real-path.ts");
  return await realArchivePath(resolve(cwd, path));
}

/** A layer of one's own over an archive that several share. */
async function nested(shared: Archives, locator: AnyArchive, options: ArchiveOpening): Promise<HeldArchive> {
  const { archive } = await shared.open(locator, options);
  if (!archive) return await refuseDocker(locator);
  const own = archive.nested();
  const unnamed = unnamedIn(own.index);
  return { store: own.store, archive: own, ...(unnamed === undefined ? {} : { unnamed }) };
}

async function openFile(path: string, { signal }: ArchiveOpening): Promise<ArchiveFile | undefined> {
  const { openArchiveFile } = await import("../archive/archive-file.ts");
  return await openArchiveFile(nodeDisk, path, signal === undefined ? {} : { signal });
}

async function standardInput(locator: AnyArchive, options: ArchiveOpening): Promise<ArchiveFile> {
  if (!options.stdin) throw noStream(locator, "standard input");
  const { spoolArchive } = await import("../archive/archive-file.ts");
  return await spoolArchive(nodeDisk, options.stdin(), "standard input", signalOf(options));
}

function noStream(locator: AnyArchive, what: string): OciError {
  return new OciError("UNSUPPORTED", `There is no ${what} here`, { reference: formatLocator(locator) });
}

/** What lies at a path, by what is in it; the file is closed where it is nothing. */
async function opened(locator: AnyArchive, file: ArchiveFile, options: ArchiveOpening): Promise<HeldArchive> {
  try {
    const { readEntries } = await import("../archive/entries.ts");
    const { formOf } = await import("../archive/layout-base.ts");
    const entries = await readEntries(file, signalOf(options));
    const form = formOf(entries);
    if (locator.medium === "docker-archive" || form === "docker") {
      const { dockerStore } = await import("../archive/docker-store.ts");
      const docker = await dockerStore(entries, signalOf(options));
      return { store: docker.store, docker };
    }
    const { layoutBase } = await import("../archive/base.ts");
    const { layoutPacker } = await import("../archive/open-archive.ts");
    const base = await layoutBase(entries, signalOf(options));
    const path = locator.path === "-" ? undefined : file.path;
    const held = await archiveOf({ disk: nodeDisk, path, base, pack: layoutPacker, readOnly: true });
    const unnamed = unnamedIn(base.index);
    return unnamed === undefined ? held : { ...held, unnamed };
  } catch (error) {
    await file.file[Symbol.asyncDispose]();
    throw error;
  }
}

async function created(locator: AnyArchive, path: string | undefined, options: ArchiveOpening): Promise<HeldArchive> {
  const { emptyBase } = await import("../archive/base.ts");
  if (path === undefined && !options.stdout) throw noStream(locator, "standard output");
  const names = new Map<string, Set<string>>();
  const held = await archiveOf({
    disk: nodeDisk,
    path,
    base: emptyBase,
    pack: await packerOf(locator, names, options),
    readOnly: true,
    ...(options.stdout ? { sink: options.stdout } : {}),
    ...(options.replace ? { replace: true } : {}),
  });
  return locator.medium === "docker-archive" ? { ...held, names } : held;
}

async function packerOf(locator: AnyArchive, names: NamesOfTags, options: ArchiveOpening): Promise<Packer> {
  if (locator.medium !== "docker-archive" && !options.loadable) {
    return (await import("../archive/open-archive.ts")).layoutPacker;
  }
  const { dockerPacker, loadablePacker } = await import("../archive/docker-pack.ts");
  if (options.loadable) return loadablePacker(options.loadable, options.onNotice);
  return dockerPacker(nodeDisk, names, (count) =>
    options.onNotice?.(`A docker archive cannot hold what hangs on its images: left behind ${count}`),
  );
}

/** What buildx writes without a name is one entry without a tag; referrers and lists of them are not meant. */
function unnamedIn({ entries }: LayoutIndex): Digest | undefined {
  const named = entries.map(entryName).filter((name) => name !== undefined);
  if (!named.every(parseDigestTag)) return undefined;
  const plain = entries.filter(
    (entry) => entryName(entry) === undefined && !entry.descriptor.annotations?.[Annotation.ReferrerSubject],
  );
  return plain.length === 1 ? plain[0]?.descriptor.digest : undefined;
}

async function archiveOf(parts: ConstructorParameters<typeof Archive>[0]): Promise<HeldArchive> {
  const { Archive: Opened } = await import("../archive/archive.ts");
  const archive = new Opened(parts);
  return { store: archive.store, archive };
}

async function refuseDocker(locator: AnyArchive): Promise<never> {
  const { dockerReadOnly } = await import("../archive/docker-names.ts");
  throw dockerReadOnly(locator.path);
}

function signalOf({ signal }: ArchiveOpening): Signal {
  return signal === undefined ? {} : { signal };
}
