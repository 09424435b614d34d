import { OciError } from "../error/oci-error.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { tagOfName } from "../spec/layout-index.ts";
import { compareAscii } from "../spec/layout-index-view.ts";
import { DEFAULT_TAG, formatReference, parseReference } from "../spec/reference.ts";
import type { Names, Page, Referrer, Tag } from "../store/names.ts";
import type { SavedImage } from "./docker-read.ts";

/** A name in full, so that all spellings of it are one. */
function inFull(name: string): string {
  try {
    const reference = parseReference(name);
    return formatReference({ ...reference, tag: reference.tag ?? DEFAULT_TAG });
  } catch {
    return name;
  }
}

/** The names of a docker archive: `repository:tag`, found by that or by the tag where only one image has it. */
export class DockerNames implements Names {
  readonly #manifests = new Map<Digest, Descriptor>();
  readonly #byFull = new Map<string, Descriptor>();
  /** By tag; undefined where several images have it. */
  readonly #byTag = new Map<string, Descriptor | undefined>();
  readonly #listed = new Map<string, Descriptor>();
  readonly #path: string;

  /** @param path names the archive in messages */
  constructor(images: readonly SavedImage[], path: string) {
    this.#path = path;
    for (const { manifest, names } of images) {
      const descriptor = bareDescriptor(manifest);
      this.#manifests.set(descriptor.digest, descriptor);
      for (const name of names) {
        this.#byFull.set(inFull(name), descriptor);
        const tag = tagOfName(name) ?? name;
        const other = this.#byTag.has(tag) && this.#byTag.get(tag)?.digest !== descriptor.digest;
        this.#byTag.set(tag, other ? undefined : descriptor);
      }
    }
    for (const { manifest, names } of images) {
      for (const name of names) {
        const tag = tagOfName(name) ?? name;
        this.#listed.set(this.#byTag.get(tag) ? tag : name, bareDescriptor(manifest));
      }
    }
  }

  /** The shortest name of an image that a name in a locator stands for. */
  tagOf(name: string): string | undefined {
    const descriptor = this.#byFull.get(inFull(name));
    if (descriptor === undefined) return undefined;
    const tag = tagOfName(name) ?? DEFAULT_TAG;
    return this.#byTag.get(tag)?.digest === descriptor.digest ? tag : name;
  }

  async get(tag: string): Promise<Descriptor | undefined> {
    return this.#byTag.get(tag) ?? this.#byFull.get(inFull(tag));
  }

  async manifest(digest: Digest): Promise<Descriptor | undefined> {
    return this.#manifests.get(digest);
  }

  async *tags(options: Page = {}): AsyncGenerator<Tag, void, undefined> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for (const name of [...this.#listed.keys()].toSorted(compareAscii)) {
      if (options.after !== undefined && name <= options.after) continue;
      const descriptor = this.#listed.get(name);
      if (left-- <= 0) return;
      if (descriptor) yield { name, descriptor };
    }
  }

  async *referrers(): AsyncGenerator<Referrer, void, undefined> {
    // Nothing can hang on what is in a docker archive.
  }

  async update(): Promise<void> {
    throw dockerReadOnly(this.#path);
  }
}

/** The one error of attaching to or changing a docker archive. */
export function dockerReadOnly(path: string): OciError {
  return new OciError(
    "UNSUPPORTED",
    `Nothing can be attached to or changed in the docker archive ${JSON.stringify(path)}: the format has no place for it`,
    { hint: `Copy it into a layout, and work on that: berth copy docker-archive:${path} ocidir://layout` },
  );
}
