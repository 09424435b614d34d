import { readManifest } from "../blobs/manifest.ts";
import { isOciError } from "../error/oci-error.ts";
import { withoutMarks } from "../names/index-json-referrers.ts";
import { jobOf } from "../names/sql-changes.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { parseJson } from "../spec/json.ts";
import { type Manifest, parseManifest, sniffManifestType } from "../spec/manifest.ts";
import { isKnownManifestType } from "../spec/media-type.ts";
import { referrerDescriptor } from "../spec/referrer.ts";
import type { ManifestChange } from "../store/names.ts";
import { manifestEdges } from "../store/successors.ts";
import type { ChangeWriter, FollowedLayout } from "./follow-context.ts";

/** What came of a manifest that index.json names: the catalog knows it now or not. */
export type Taken = "known" | "added" | "missing";

interface Read {
  readonly change: ManifestChange;
  readonly children: readonly Descriptor[];
  /** Milliseconds since 1970. */
  readonly touchedAt: number;
}

/** Takes manifests that lie in a layout into the catalog, with those below them. */
export class ManifestImport {
  readonly #layout: FollowedLayout;
  readonly #writer: ChangeWriter;
  /** Added and perhaps not committed yet. */
  readonly #added = new Set<Digest>();

  constructor(layout: FollowedLayout, writer: ChangeWriter) {
    this.#layout = layout;
    this.#writer = writer;
  }

  /** How many there were. */
  get count(): number {
    return this.#added.size;
  }

  /**
   * @param listed the entry that names it
   * @param claimed whom the entry says it refers to: believed where the bytes do not say what they are
   */
  async take(listed: Descriptor, claimed?: Digest): Promise<Taken> {
    if (await this.#isKnown(listed.digest)) return "known";
    const found: Read[] = [];
    const pending: Descriptor[] = [listed];
    const seen = new Set<Digest>();
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (seen.has(next.digest) || (await this.#isKnown(next.digest))) continue;
      seen.add(next.digest);
      const read = await this.#read(next, next === listed ? claimed : undefined);
      if (read === undefined) {
        if (next === listed) return "missing";
        continue;
      }
      found.push(read);
      pending.push(...read.children);
    }
    for (const { change, touchedAt } of found.toReversed()) {
      this.#added.add(change.manifest.digest);
      await this.#writer.add(jobOf(this.#layout.names.id, [change], touchedAt).statements);
    }
    return "added";
  }

  async #isKnown(digest: Digest): Promise<boolean> {
    return this.#added.has(digest) || (await this.#layout.names.manifest(digest)) !== undefined;
  }

  async #read(listed: Descriptor, claimed: Digest | undefined): Promise<Read | undefined> {
    const { blobs, names } = this.#layout;
    const stat = await statOf(blobs, listed.digest);
    // What was deleted here a moment ago is not new.
    if (stat === undefined || (await names.isGoing(listed.digest))) return undefined;
    const touchedAt = Math.min(Number(stat.modifiedNs / 1_000_000n), Date.now());
    const bytes = await readManifest(blobs, listed.digest);
    const manifest = bytes && understand(bytes, listed.mediaType);
    if (bytes === undefined || manifest === undefined) {
      // Taken by the word of whoever listed it: a reader is told what is wrong with it, and a push repairs it.
      const subject = claimed && { mediaType: "application/octet-stream", digest: claimed, size: 0 };
      const descriptor = subject ? withoutMarks(listed) : bareDescriptor(listed);
      return {
        change: { manifest: descriptor, ...(subject ? { subject } : {}), present: true },
        children: [],
        touchedAt,
      };
    }
    const children = manifestEdges(manifest).flatMap((edge) => (edge.role === "child" ? [edge.descriptor] : []));
    const stored = { mediaType: listed.mediaType, digest: listed.digest, size: bytes.length };
    const change: ManifestChange = {
      manifest: referrerDescriptor(manifest, stored),
      ...(manifest.subject ? { subject: manifest.subject } : {}),
      ...(children.length > 0 ? { children: children.map(({ digest }) => digest) } : {}),
      present: true,
    };
    return { change, children, touchedAt };
  }
}

type Stat = Awaited<ReturnType<FollowedLayout["blobs"]["lstat"]>>;

/** Undefined: nothing there that could be read. */
async function statOf(blobs: FollowedLayout["blobs"], digest: Digest): Promise<Stat> {
  try {
    return await blobs.lstat(digest);
  } catch (error) {
    if (isOciError(error, "CONTENT_DAMAGED")) return undefined;
    throw error;
  }
}

/** A manifest by the type it is listed as, else by its own word; undefined: neither tells what it is. */
function understand(bytes: Uint8Array, mediaType: string): Manifest | undefined {
  try {
    if (isKnownManifestType(mediaType)) return parseManifest(bytes, mediaType);
    const own = sniffManifestType(parseJson(bytes, "manifest"));
    return own === undefined ? undefined : parseManifest(bytes, own);
  } catch (error) {
    if (isOciError(error, "MANIFEST_INVALID", "DIGEST_INVALID")) return undefined;
    throw error;
  }
}
