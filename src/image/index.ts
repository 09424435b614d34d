/** Images without Docker: created, changed, inspected, compared, and their files. */
export type { AnnotationChange } from "./annotation-change.ts";
export type { Base } from "./base.ts";
export type { BuildArgument } from "./build-argument.ts";
export { type FileContent, openImageFiles } from "./cat.ts";
export { type BaseCheck, checkBase, type CheckBaseOptions } from "./check-base.ts";
export { chooseImage, type ChooseOptions, type ChosenImage } from "./choose-image.ts";
export type { ConfigChange } from "./config-change.ts";
export { type CreatedImage, type CreatedResult, createImage, type CreateImageOptions } from "./create.ts";
export { diffImages, type FieldChange, type ImageDiff, type ImageDiffOptions } from "./diff.ts";
export type { ImageEvent, OnImageEvent } from "./event.ts";
export type { ChangedFile, FileAspect, FileDiff } from "./file-diff.ts";
export { exportImageTar } from "./flatten.ts";
export type { ImageChange } from "./image-change.ts";
export { type ImageFile, listImageFiles, listLayerFiles } from "./image-files.ts";
export {
  type AttachedReport,
  dockerfileOf,
  type ImageReport,
  type IndexReport,
  inspectImage,
  type InspectOptions,
  type LayerReport,
  type OtherReport,
  type Report,
} from "./inspect.ts";
export { type LayerInput, parseLayerText } from "./layer-input.ts";
export type { LayerReading } from "./lazy-layer.ts";
export type { LayerRemoval } from "./layer-removal.ts";
export type { MediaFamily } from "../store/media-family.ts";
export { modImage, type ModImageOptions, type ModResult } from "./mod.ts";
export type { RebaseChange } from "./rebase.ts";
export type { TimeRule } from "./time-rule.ts";
