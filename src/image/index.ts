/** Images without Docker: created, changed, inspected. */
export type { AnnotationChange } from "./annotation-change.ts";
export type { Base } from "./base.ts";
export type { ConfigChange } from "./config-change.ts";
export { type CreatedImage, type CreatedResult, createImage, type CreateImageOptions } from "./create.ts";
export type { ImageEvent, OnImageEvent } from "./event.ts";
export {
  type ImageReport,
  type IndexReport,
  inspectImage,
  type LayerReport,
  type OtherReport,
  type Report,
} from "./inspect.ts";
export { type LayerInput, parseLayerText } from "./layer-input.ts";
export { modImage, type ModImageOptions, type ModResult } from "./mod.ts";
