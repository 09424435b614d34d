import { isOciError, type OciError } from "../error/oci-error.ts";
import { type Digest, isDigest } from "../spec/digest.ts";
import type { JsonObject } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { RepositoryUpkeep, Upkeep } from "../store/upkeep.ts";
import { SortedDigests } from "./sorted-digests.ts";
import { Throttle } from "./throttle.ts";

/** Under this name a run remembers how far it is, and keeps others out. */
const NAME = "scrub";
/** Milliseconds between two notes of how far it is. */
const NOTE_EVERY = 5000;
/** Findings in a report; further ones are told as events alone. */
const TOLD = 1000;

export interface ScrubFinding {
  readonly repository: string;
  readonly digest: Digest;
  /** "damaged": it was set aside, a push of the same content repairs it. "unreadable": the disk did not give it; it stays. */
  readonly verdict: "damaged" | "unreadable";
  /** One sentence. */
  readonly reason: string;
}

export type ScrubEvent =
  | { readonly type: "checked"; readonly repository: string; readonly digest: Digest; readonly size: number }
  | ({ readonly type: "finding" } & ScrubFinding);

export interface ScrubOptions extends Signal {
  /** Bytes a second; as many as there is time for by default. */
  readonly rate?: number;
  /** Milliseconds to wait for another run that is under way; a minute by default. */
  readonly timeout?: number;
  readonly onEvent?: (event: ScrubEvent) => void;
}

export interface ScrubReport {
  /** An earlier run was broken off, and this one went on where it stood. */
  readonly resumed: boolean;
  readonly blobs: number;
  readonly bytes: number;
  readonly damaged: number;
  readonly unreadable: number;
  readonly findings: readonly ScrubFinding[];
}

interface Cursor {
  readonly repository: string;
  readonly digest: string;
}

/**
 * Reads and hashes every blob of a layout or of all repositories of a root. What is damaged is set
 * aside, so that it is never handed out and a push of the same content repairs it. A run that was
 * broken off goes on where it stood.
 * @throws OciError LOCKED when another run is under way
 */
export async function scrub(upkeep: Upkeep, options: ScrubOptions = {}): Promise<ScrubReport> {
  const { signal, timeout } = options;
  const waiting = { ...(signal ? { signal } : {}), ...(timeout === undefined ? {} : { timeout }) };
  return await upkeep.alone(NAME, () => new Scrub(upkeep, options).run(), waiting);
}

/** When the last whole run ended, in milliseconds since 1970; undefined: never, or one is under way. */
export async function lastScrub(upkeep: Pick<Upkeep, "recall">): Promise<number | undefined> {
  const ended = (await upkeep.recall(NAME))?.["ended"];
  return typeof ended === "number" ? ended : undefined;
}

class Scrub {
  readonly #upkeep: Upkeep;
  readonly #options: ScrubOptions;
  readonly #throttle: Throttle;
  readonly #findings: ScrubFinding[] = [];
  readonly #counts = { blobs: 0, bytes: 0, damaged: 0, unreadable: 0 };
  #notedAt = performance.now();
  #last = "";

  constructor(upkeep: Upkeep, options: ScrubOptions) {
    this.#upkeep = upkeep;
    this.#options = options;
    this.#throttle = new Throttle(options);
  }

  async run(): Promise<ScrubReport> {
    const cursor = readCursor(await this.#upkeep.recall(NAME));
    const { signal } = this.#options;
    for await (const repository of this.#upkeep.repositories(signal ? { signal } : {})) {
      if (cursor && repository.name < cursor.repository) continue;
      await this.#repository(repository, repository.name === cursor?.repository ? cursor.digest : "");
    }
    await this.#upkeep.record(NAME, { ended: Date.now() });
    return { resumed: cursor !== undefined, ...this.#counts, findings: this.#findings };
  }

  async #repository({ name, content }: RepositoryUpkeep, after: string): Promise<void> {
    const { signal } = this.#options;
    const digests = new SortedDigests();
    this.#last = after;
    for await (const digest of content.entries(signal ? { signal } : {})) if (digest > after) digests.add(digest);
    try {
      for (const digest of digests) {
        await this.#check(name, content, digest);
        if (performance.now() - this.#notedAt > NOTE_EVERY) await this.#note(name, digest);
      }
    } catch (error) {
      if (signal?.aborted) await this.#note(name, this.#last);
      throw error;
    }
  }

  async #check(repository: string, content: RepositoryUpkeep["content"], digest: Digest): Promise<void> {
    const { signal, onEvent } = this.#options;
    try {
      const { verdict, size } = await content.check(digest, signal ? { signal } : {});
      if (verdict === "damaged") this.#tell({ repository, digest, verdict, reason: `The blob ${digest} is damaged` });
      this.#counts.blobs += 1;
      this.#counts.bytes += size;
      this.#last = digest;
      onEvent?.({ type: "checked", repository, digest, size });
      await this.#throttle.take(Math.max(size, 1));
    } catch (error) {
      signal?.throwIfAborted();
      if (!isDiskFailure(error)) throw error;
      this.#tell({ repository, digest, verdict: "unreadable", reason: error.message });
    }
  }

  #tell(finding: ScrubFinding): void {
    this.#counts[finding.verdict] += 1;
    if (this.#findings.length < TOLD) this.#findings.push(finding);
    this.#options.onEvent?.({ type: "finding", ...finding });
  }

  async #note(repository: string, digest: string): Promise<void> {
    this.#notedAt = performance.now();
    await this.#upkeep.record(NAME, { repository, digest });
  }
}

/** The disk failed to give it: that says nothing about the content. */
function isDiskFailure(error: unknown): error is OciError {
  return isOciError(error, "IO", "LAYOUT_INVALID");
}

function readCursor(document: JsonObject | undefined): Cursor | undefined {
  const { repository, digest } = document ?? {};
  if (typeof repository !== "string" || typeof digest !== "string") return undefined;
  return { repository, digest: isDigest(digest) ? digest : "" };
}
