/** Files as artifacts: packed, attached to a subject, discovered, pulled. */
export { type AnnotationFile, parseAnnotationFile } from "./annotation-file.ts";
export type { AnnotationMatch, ReferrerChoice, ReferrerSort } from "./arrange.ts";
export { attachArtifacts, type Attachment, type AttachOptions } from "./attach.ts";
export { chooseReferrer, type ChooseReferrerOptions } from "./choose-referrer.ts";
export { discover, type DiscoveredNode, type DiscoverOptions } from "./discover.ts";
export type { ArtifactEvent, OnArtifactEvent } from "./event.ts";
export { type FileSpec, guessMediaType, parseFileSpec, titleOf } from "./file-spec.ts";
export {
  type ArtifactTarget,
  packArtifact,
  type PackArtifactOptions,
  type PackedArtifact,
  type PackedBlob,
  type PushArtifactOptions,
} from "./pack.ts";
export type { ArtifactContent, ArtifactFile } from "./prepare.ts";
export type { PullContent } from "./pull-content.ts";
export { pullArtifact, type PullArtifactOptions, type PulledArtifact, type PulledFile } from "./pull.ts";
