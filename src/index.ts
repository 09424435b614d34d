/** The values, the errors and the interfaces that everything else is made of. */
export { ERROR_FACTS, type ErrorCode, type ErrorFacts, Exit, type SpecCode } from "./error/code.ts";
export { type ErrorContext, isOciError, OciError, type OciErrorOptions } from "./error/oci-error.ts";

export { Annotation } from "./spec/annotation.ts";
export { type Annotations, type Descriptor, parseDescriptor } from "./spec/descriptor.ts";
export { type Algorithm, type Digest, isDigest, parseDigest } from "./spec/digest.ts";
export { emptyBytes, emptyDescriptor } from "./spec/empty.ts";
export { Limits } from "./spec/limits.ts";
export { formatLocator, type Locator, parseLocator } from "./spec/locator.ts";
export {
  type ArtifactManifest,
  type ImageIndex,
  type ImageManifest,
  type Manifest,
  type OpaqueManifest,
  parseManifest,
} from "./spec/manifest.ts";
export { MediaType } from "./spec/media-type.ts";
export { formatPlatform, matchesPlatform, parsePlatformText, type Platform } from "./spec/platform.ts";
export { formatReference, parseReference, type Reference } from "./spec/reference.ts";

export { type Bytes, fromBuffer } from "./bytes/bytes.ts";
export { collect } from "./bytes/collect.ts";
export { digestOf } from "./bytes/hash.ts";
export { verify, verifyBuffer } from "./bytes/verify.ts";

export type { Blobs, Upload } from "./store/blobs.ts";
export type { Content, ContentSource, Range, Signal } from "./store/content.ts";
export { decorate } from "./store/decorate.ts";
export type { FetchExternal } from "./store/external.ts";
export type { Change, NameChange, Names, Page, Referrer, ReferrersOptions, Tag, Via } from "./store/names.ts";
export { type Capability, need } from "./store/need.ts";
export { repository, type RepositoryOptions } from "./store/repository.ts";
export type {
  Kind,
  KindOption,
  Location,
  Name,
  PushOptions,
  PushResult,
  ReferrersChange,
  Registry,
  Source,
  Store,
} from "./store/store.ts";
export { type Edge, type Role, successors } from "./store/successors.ts";

export { plan, type PlanOptions, type Root } from "./graph/plan.ts";
export { selectPlatform } from "./graph/select.ts";
export type { Action, ContentStep, NamesStep, ReferrersStep, Step } from "./graph/step.ts";
export { choosePlatforms, type ChosenPlatforms } from "./graph/platforms.ts";
export type { PathNode } from "./graph/step.ts";
export { type BatchOptions, type Job, type JobOutcome, runBatch } from "./transfer/batch.ts";
export { type Changed, convert, type Converted, type ConvertOptions, type LeftBehind } from "./transfer/convert.ts";
export { copy, type CopyOptions, planCopy } from "./transfer/copy.ts";
export { copyToAll, type CopyTarget, type CopyToAllOptions } from "./transfer/copy-to-all.ts";
export { createTagFilter, type TagFilter, type TagFilterOptions } from "./transfer/tag-filter.ts";
export type { OnTransferEvent, TransferEvent } from "./transfer/event.ts";
export type { ExternalLayer, Summary } from "./transfer/summary.ts";

export { copyBlob, type CopiedBlob, type CopyBlobOptions } from "./content/copy-blob.ts";
export { diffBlobs, type LayerDiff } from "./content/diff-blobs.ts";
export { type ContentDiff, diffManifests, type DiffOptions, type DiffSide } from "./content/diff-manifests.ts";
export {
  addEntries,
  type AddOptions,
  createIndex,
  type CreateIndexOptions,
  type EditableIndex,
  type IndexEntry,
  readIndex,
  removeEntries,
  type RemoveEntries,
  type ShortenedIndex,
} from "./content/index-edit.ts";
export { indexEntries, type IndexEntryOptions, type IndexSource } from "./content/index-entries.ts";
export type { ListedFile } from "./content/layer-listing.ts";
export { type MovedTag, moveTag } from "./content/move-tag.ts";
export { type RemovedRepository, removeRepository, type RemoveRepositoryOptions } from "./content/remove-repository.ts";
export { type RemovedTag, removeTag, type RemoveTagOptions } from "./store/remove-tag.ts";
export { repositoryRoots, type RepositoryRootsOptions } from "./content/repository-roots.ts";
export {
  prepareManifest,
  type PreparedManifest,
  writeManifest,
  type WriteManifestOptions,
} from "./content/write-manifest.ts";
export { formatPurl, parsePurl } from "./spec/purl.ts";

export { openLocator } from "./open/open-locator.ts";
export type { OpenMode, OpenOptions } from "./open/open-options.ts";
export { nameOf, type Opened, resolveOpened } from "./open/opened.ts";
