import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { formatLocator, type Locator } from "../spec/locator.ts";
import { DEFAULT_TAG } from "../spec/reference.ts";
import type { Signal } from "../store/content.ts";
import type { KindOption, Name, Store } from "../store/store.ts";

/** A store, and what a locator said about a name in it. Disposing it disposes the store. */
export interface Opened extends AsyncDisposable {
  readonly locator: Locator;
  readonly store: Store;
  /** A label only, where a digest stands beside it. */
  readonly tag?: string;
  readonly digest?: Digest;
  /** The only thing there is, where it has no tag: what is meant when nothing else is said. */
  readonly unnamed?: Digest;
  /**
   * Media that are written in one step: writes all changes; disposing without it drops them. Absent where every
   * change is made at once.
   * @throws OciError CONFLICT, LOCKED, NO_SPACE, IO
   */
  readonly commit?: (options?: Signal) => Promise<void>;
}

/** What a message calls it. */
export function describeOpened(opened: Opened): string {
  return formatLocator(opened.locator);
}

/**
 * The name that a locator means: its digest, else its tag, else `latest` in a registry
 * and the only tag of anything else, or the only thing in it.
 * @throws OciError LOCATOR_INVALID where there is not exactly one tag to mean
 */
export async function nameOf(opened: Opened, options: Signal = {}): Promise<Name> {
  if (opened.digest !== undefined) return { digest: opened.digest };
  if (opened.tag !== undefined) return { tag: opened.tag };
  if (opened.locator.medium === "registry") return { tag: DEFAULT_TAG };
  if (opened.unnamed !== undefined) return { digest: opened.unnamed };
  return { tag: await onlyTag(opened, options) };
}

/** Shown of a layout's tags where one has to be chosen. */
const SHOWN_TAGS = 10;

async function onlyTag(opened: Opened, options: Signal): Promise<string> {
  const tags: string[] = [];
  for await (const { name } of opened.store.tags({ ...options, limit: SHOWN_TAGS + 1 })) tags.push(name);
  const [only] = tags;
  if (only !== undefined && tags.length === 1) return only;
  const written = describeOpened(opened);
  if (tags.length === 0) {
    throw new OciError("MANIFEST_UNKNOWN", `There is no tag in ${written}, and no digest was given`, {
      reference: written,
      hint: `Add the digest of what you mean: ${written}@sha256:…`,
    });
  }
  const more = tags.length > SHOWN_TAGS ? ", …" : "";
  throw new OciError("LOCATOR_INVALID", `There are several tags in ${written}: say which one`, {
    reference: written,
    hint: `One of: ${tags.slice(0, SHOWN_TAGS).join(", ")}${more}`,
  });
}

/**
 * Resolves what a locator means to a descriptor, once.
 * @throws OciError MANIFEST_UNKNOWN, BLOB_UNKNOWN, NAME_UNKNOWN, LOCATOR_INVALID
 */
export async function resolveOpened(opened: Opened, options: KindOption = {}): Promise<Descriptor> {
  return opened.store.resolve(await nameOf(opened, options), options);
}
