import { isOciError, type OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { parseJson } from "../spec/json.ts";
import { sniffManifestType } from "../spec/manifest.ts";
import { isKnownManifestType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import { type Edge, successors } from "../store/successors.ts";
import type { RepositoryUpkeep } from "../store/upkeep.ts";
import { DigestSet } from "./digest-set.ts";
import type { Throttle } from "./throttle.ts";

/** A manifest that could not be read, so that nobody knows what hangs below it. */
export interface Unreadable {
  /** Absent: it is the names that cannot be read. */
  readonly digest?: Digest;
  /** One sentence. */
  readonly reason: string;
}

export interface MarkOptions extends Signal {
  readonly throttle: Throttle;
  /**
   * Goes to what hangs on a manifest, and not from there to what it hangs on. False by default:
   * where every manifest that has an entry is kept, so is its subject.
   */
  readonly upward?: boolean;
}

/** Unreadable manifests told one by one; further ones only count. */
const TOLD = 100;

interface Visit {
  readonly descriptor: Descriptor;
  /** The names say that it is here. What an index lists need not be. */
  readonly isListed: boolean;
}

/** Finds out what of a repository is in use. The walk is iterative, in 16 bytes for each digest. */
export class Mark {
  readonly kept: DigestSet = new DigestSet();
  readonly unreadable: Unreadable[] = [];
  /** How many manifests were read. */
  manifests = 0;
  /** Nobody knows what hangs below some manifest: nothing may go. */
  failed = false;
  readonly #walked = new DigestSet();
  readonly #repository: RepositoryUpkeep;
  readonly #options: MarkOptions;

  constructor(repository: RepositoryUpkeep, options: MarkOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /** Keeps a manifest that the names know, and everything that it leads to. */
  async root(descriptor: Descriptor): Promise<void> {
    const pending: Visit[] = [{ descriptor, isListed: true }];
    for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
      await this.#options.throttle.take();
      await this.#visit(visit, pending);
    }
  }

  fail(reason: string, digest?: Digest): void {
    this.failed = true;
    if (this.unreadable.length < TOLD) this.unreadable.push({ reason, ...(digest === undefined ? {} : { digest }) });
  }

  async #visit({ descriptor, isListed }: Visit, pending: Visit[]): Promise<void> {
    const { digest } = descriptor;
    this.kept.add(digest);
    if (!isKnownManifestType(descriptor.mediaType) || this.#walked.has(digest)) return;
    const edges = await this.#edges(descriptor, isListed);
    if (edges === undefined) return;
    this.#walked.add(digest);
    this.manifests += 1;
    for (const edge of edges) {
      if (edge.kind === "blob") this.kept.add(edge.descriptor.digest);
      else if (edge.role !== "subject" || !this.#options.upward) {
        pending.push({ descriptor: edge.descriptor, isListed: false });
      }
    }
    if (!this.#options.upward) return;
    for await (const referrer of this.#repository.names.referrers(descriptor, this.#signal())) {
      pending.push({ descriptor: referrer, isListed: false });
    }
  }

  /** Undefined: it is not here, or it cannot be read, which is told. */
  async #edges(descriptor: Descriptor, isListed: boolean): Promise<readonly Edge[] | undefined> {
    const { digest } = descriptor;
    try {
      const bytes = await this.#repository.content.manifest(digest, this.#signal());
      if (bytes !== undefined) return edgesOf(descriptor, bytes);
      // Deletes take a manifest off the names first.
      if (isListed && (await this.#repository.names.has(digest)))
        this.fail(`The manifest ${digest} is listed, but not here`, digest);
    } catch (error) {
      if (!isOciError(error) || error.code === "INTERRUPTED") throw error;
      this.fail(`The manifest ${digest} cannot be read: ${error.message}`, digest);
    }
    return undefined;
  }

  #signal(): Signal {
    return this.#options.signal ? { signal: this.#options.signal } : {};
  }
}

/** By the type that it is listed with, or, where that does not fit, by its own words. */
function edgesOf(descriptor: Descriptor, bytes: Uint8Array): readonly Edge[] {
  try {
    return successors(descriptor, bytes);
  } catch (error) {
    const own = isOciError(error, "MANIFEST_INVALID") ? sniffManifestType(parseJson(bytes, "manifest")) : undefined;
    if (own === undefined || own === descriptor.mediaType) throw error;
    return successors({ ...descriptor, mediaType: own }, bytes);
  }
}

/** Whether an error says that something cannot be read, as against that the work was broken off. */
export function isReadFailure(error: unknown): error is OciError {
  return isOciError(error, "LAYOUT_INVALID", "CONTENT_DAMAGED", "IO", "LIMIT_EXCEEDED", "MANIFEST_INVALID", "INTERNAL");
}
