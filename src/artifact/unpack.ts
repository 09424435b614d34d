import { join } from "node:path";
import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import type { Digest } from "../spec/digest.ts";
import { decompress, detectCompression } from "../tar/decompress.ts";
import { Meter } from "../tar/measure.ts";
import { readTar, type TarReading } from "../tar/read.ts";
import type { Signal } from "../store/content.ts";
import type { OutputDirectory } from "./output-directory.ts";
import type { StagedEntry } from "./staged.ts";
import { parseTitle } from "./title.ts";

function refused(path: string, problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Refused to unpack ${JSON.stringify(path)}: ${problem}`, {
    hint: "Look at the layer with: berth blob get … | tar -tvz",
  });
}

/** Decompresses by what the bytes are, whatever the media type says. */
async function* plain(bytes: Bytes): Bytes {
  const chunks = bytes[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    if (first.done === true) return;
    const whole = async function* again(): Bytes {
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => chunks };
    };
    yield* decompress(whole(), detectCompression(first.value));
  } finally {
    await chunks.return?.();
  }
}

/**
 * A link may go up only at its start, from a directory that is a real one, and
 * stays below the folder: so whatever other links it passes, all of this form,
 * it cannot leave.
 */
function checkLink(parts: readonly string[], folder: readonly string[], target: string): void {
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  const ups = steps.findIndex((step) => step !== "..");
  const up = ups === -1 ? steps.length : ups;
  const depth = parts.length - 1 - folder.length;
  if (target === "" || target.startsWith("/") || target.includes("\\") || target.includes("\0")) {
    throw refused(parts.join("/"), "it is a link to an absolute path");
  }
  if (up > depth || steps.slice(up).includes("..")) throw refused(parts.join("/"), "it is a link out of its folder");
}

/** The entries of one folder, as they are staged. */
class Folder {
  readonly #folder: readonly string[];
  readonly #entries = new Map<string, StagedEntry>();
  readonly #output: OutputDirectory;
  readonly #staging: string;

  constructor(folder: readonly string[], output: OutputDirectory, staging: string) {
    this.#folder = folder;
    this.#output = output;
    this.#staging = staging;
    this.#entries.set(folder.join("/"), { type: "directory", parts: folder });
  }

  get entries(): readonly StagedEntry[] {
    return [...this.#entries.values()];
  }

  async add({ entry, content }: TarReading): Promise<void> {
    const parts = this.#parts(entry.path);
    const path = parts.join("/");
    const known = this.#entries.get(path);
    if (entry.type === "directory" && known?.type === "directory") return;
    if (known) throw refused(path, "it is there twice");
    this.#addParents(parts);
    switch (entry.type) {
      case "directory":
        this.#entries.set(path, { type: "directory", parts });
        return;
      case "file": {
        // Flat and numbered, so that no name of a stranger ever meets the disk before it lands.
        const staged = join(this.#staging, `entry-${this.#entries.size}`);
        const written = await this.#output.write(staged, content(), { executable: (entry.mode & 0o100) !== 0 });
        this.#entries.set(path, { type: "file", parts, path: staged, ...written });
        return;
      }
      case "symlink":
        checkLink(parts, this.#folder, entry.linkPath ?? "");
        this.#entries.set(path, { type: "symlink", parts, target: entry.linkPath ?? "" });
        return;
      case "hardlink":
        await this.#addHardLink(parts, entry.linkPath ?? "");
        return;
      default:
        throw refused(path, `it is a ${entry.type}`);
    }
  }

  /** Linked again, so that a tiny archive cannot ask for the space of many files. */
  async #addHardLink(parts: readonly string[], linkPath: string): Promise<void> {
    const path = parts.join("/");
    const first = this.#entries.get(this.#parts(linkPath).join("/"));
    if (first?.type !== "file") throw refused(path, "it is a hard link to no file before it");
    const staged = join(this.#staging, `entry-${this.#entries.size}`);
    await this.#output.linkStaged(first.path, staged);
    this.#entries.set(path, { ...first, parts, path: staged });
  }

  #addParents(parts: readonly string[]): void {
    for (let length = this.#folder.length + 1; length < parts.length; length += 1) {
      const above = parts.slice(0, length);
      const path = above.join("/");
      const known = this.#entries.get(path);
      if (known && known.type !== "directory") throw refused(parts.join("/"), `${path} is no directory`);
      if (!known) this.#entries.set(path, { type: "directory", parts: above });
    }
  }

  #parts(path: string): readonly string[] {
    const parts = parseTitle(path);
    if (this.#folder.every((part, at) => parts[at] === part)) return parts;
    throw refused(path, `it is not in the folder ${JSON.stringify(this.#folder.join("/"))}`);
  }
}

/**
 * Unpacks a folder that was packed as a gzipped tar into a staging directory.
 * Nothing lands yet. Owners, times and special bits of a stranger are not kept;
 * what may be executed stays so.
 * @param folder the parts of its title, which all its paths start with
 * @param contentDigest digest of the uncompressed tar, checked when given
 * @throws OciError ARCHIVE_INVALID, FILE_INVALID, LIMIT_EXCEEDED, DIGEST_INVALID
 */
export async function unpackFolder(
  bytes: Bytes,
  folder: readonly string[],
  output: OutputDirectory,
  options: Signal & { readonly staging: string; readonly contentDigest?: Digest; readonly maxEntries?: number },
): Promise<readonly StagedEntry[]> {
  const target = new Folder(folder, output, options.staging);
  const meter = new Meter();
  for await (const reading of readTar(meter.measure(plain(bytes)), options)) await target.add(reading);
  const { contentDigest } = options;
  if (contentDigest !== undefined && meter.result.digest !== contentDigest) {
    throw new OciError(
      "DIGEST_INVALID",
      `The folder ${JSON.stringify(folder.join("/"))} unpacks to ${meter.result.digest}, expected ${contentDigest}`,
      {
        digest: contentDigest,
      },
    );
  }
  return target.entries;
}
