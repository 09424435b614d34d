import type { Bytes } from "../bytes/bytes.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Algorithm, Digest } from "../spec/digest.ts";
import type { LeaseOption, Upload } from "./blobs.ts";
import type { Content, ContentSource, Range, Signal } from "./content.ts";
import type { NameChange, Page, Referrer, ReferrersOptions, Tag } from "./names.ts";

/** Never guessed from a media type: layers sit in indexes, and unknown types are manifests too. */
export type Kind = "manifest" | "blob";

/** Where a store lies, so that a transfer can see what may be mounted or linked. */
export type Location =
  | { readonly medium: "registry"; readonly origin: string; readonly repository: string }
  | { readonly medium: "layout"; readonly path: string }
  | { readonly medium: "archive"; readonly path: string }
  | { readonly medium: "memory"; readonly id: string };

export type Name = { readonly tag: string } | { readonly digest: Digest };

export interface KindOption extends LeaseOption {
  /** "manifest" when absent. */
  readonly kind?: Kind;
}

export interface FetchOptions extends KindOption {
  /** Hand out only what follows the first `offset` bytes. */
  readonly offset?: number;
  /**
   * The receiver is done with a chunk before it asks for the second one after it: the source may
   * use its buffers again. False by default: chunks belong to the receiver.
   */
  readonly lent?: boolean;
  /** False: the receiver checks size and digest itself, so that nothing is hashed twice. True by default. */
  readonly verify?: boolean;
}

/** One repository, readable. */
export interface Source extends AsyncDisposable {
  readonly location: Location;
  /**
   * What of a manifest's content is certain once the manifest is there: "image" when
   * this medium refuses a manifest whose config or layers are missing.
   */
  readonly closure?: "image";
  /** @throws OciError MANIFEST_UNKNOWN, BLOB_UNKNOWN, NAME_UNKNOWN */
  resolve(name: Name, options?: KindOption): Promise<Descriptor>;
  exists(descriptor: Descriptor, options?: KindOption): Promise<boolean>;
  /**
   * The whole content; size and digest are verified before the last chunk is handed out.
   * @throws OciError BLOB_UNKNOWN, MANIFEST_UNKNOWN, SIZE_INVALID, DIGEST_INVALID
   */
  fetch(descriptor: Descriptor, options?: FetchOptions): Bytes;
  /** Raw content: for ranges, links, the server's file path. */
  open(descriptor: Descriptor, options?: KindOption & { readonly range?: Range }): Promise<Content>;
  /** In ASCII order. */
  tags(options?: Page): AsyncIterable<Tag>;
  /** Everything that hangs on a manifest, in whatever way this medium records it; each once. */
  referrers(subject: Descriptor, options?: ReferrersOptions): AsyncIterable<Referrer>;
  /**
   * The indexes here that list a manifest, tagged or not; each once. A layout knows of those that its index.json leads
   * to, and not of one that its tag has left.
   */
  parents?(child: Digest, options?: Signal): AsyncIterable<Descriptor>;
}

export interface PushOptions extends Signal {
  readonly kind: Kind;
  readonly tags?: readonly string[];
  /**
   * False: bytes only. Whatever makes this manifest findable (names, referrers) follows
   * in one batch. Registries list on their own and ignore it. True by default.
   */
  readonly listed?: boolean;
  /** The caller has just asked and it was not there: do not ask again. */
  readonly absent?: boolean;
  /** False: accept a manifest whose config or layers are not here. True by default. */
  readonly closed?: boolean;
}

export interface PushResult {
  /** The content was there already; nothing moved. */
  readonly existed: boolean;
  /** The other side listed the manifest under its subject itself. */
  readonly subjectHandled: boolean;
}

/** Referrers that come and go under one subject. */
export interface ReferrersChange {
  readonly subject: Descriptor;
  readonly add: readonly Descriptor[];
  readonly remove: readonly Digest[];
}

/** One repository, readable and writable. An absent optional method: this medium never can. */
export interface Store extends Source {
  /**
   * Takes content in. Checked (size, digest, and for manifests closure and form) before it is visible.
   * @throws OciError SIZE_INVALID, DIGEST_INVALID, MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, NO_SPACE, IO
   */
  push(descriptor: Descriptor, source: ContentSource, options: PushOptions): Promise<PushResult>;
  /**
   * Moves names in one batch. `guarded`: the other side honoured the compare-and-swap.
   * @throws OciError CONFLICT
   */
  update(changes: readonly NameChange[], options?: Signal): Promise<{ readonly guarded: boolean }>;
  stage?(options?: { readonly algorithm?: Algorithm } & Signal): Promise<Upload>;
  resume?(id: string, options?: Signal): Promise<Upload>;
  /** Takes a blob from elsewhere without moving it through here; false or an opened upload: could not. */
  mount?(descriptor: Descriptor, from?: Location, options?: Signal): Promise<"mounted" | Upload | false>;
  /** A manifest goes with its tags at once; children, blobs and referrers stay. */
  delete?(descriptor: Descriptor, options: { readonly kind: Kind } & Signal): Promise<void>;
  /** Media without a referrers API of their own: lists the referrers of many subjects in one batch, at the end. */
  listReferrers?(changes: readonly ReferrersChange[], options?: Signal): Promise<void>;
}

/** Many repositories. */
export interface Registry extends AsyncDisposable {
  /** Opens a repository; it need not exist. @throws OciError NAME_INVALID */
  repository(name: string): Promise<Store>;
  has(name: string): Promise<boolean>;
  /** In ASCII order. */
  repositories(options?: Page & { readonly prefix?: string }): AsyncIterable<string>;
  remove?(name: string): Promise<void>;
  /** Which repositories hold a digest. */
  holders?(digest: Digest): AsyncIterable<string>;
}
