import { OciError } from "../error/oci-error.ts";
import type { Algorithm } from "../spec/digest.ts";
import type { Compression } from "../tar/compress.ts";
import type { TarEntry } from "../tar/entry.ts";
import type { Owner } from "../tar/tree.ts";
import type { AnnotationChange } from "./annotation-change.ts";
import { type BuildArgument, withoutBuildArguments } from "./build-argument.ts";
import { changeConfig, type ConfigChange } from "./config-change.ts";
import type { DraftStep } from "./draft.ts";
import { flattenLayers } from "./flatten.ts";
import { shownPath } from "./image-path.ts";
import { addLayers } from "./layer-addition.ts";
import type { LayerInput } from "./layer-input.ts";
import { type LayerRemoval, removeLayers } from "./layer-removal.ts";
import { type LayerEdit, rehashLayers, rewriteLayers } from "./layer-rewrite.ts";
import type { MediaFamily } from "../store/media-family.ts";
import { convertTypes, withoutUrls } from "./media-family.ts";
import { type RebaseChange, rebaseLayers } from "./rebase.ts";
import { configTimes, notAfter, type TimeRule, timingOf } from "./time-rule.ts";

/** Changes to an image; each is left out unless given. They happen in the order that they are listed in. */
export interface ImageChange {
  /** Layers of an old base give way to those of a new one. */
  readonly rebase?: RebaseChange;
  readonly removeLayers?: LayerRemoval;
  /** Paths in the image that go from all layers, with everything below. */
  readonly strip?: readonly string[];
  /** All layers become one. */
  readonly flatten?: boolean;
  readonly mediaTypes?: MediaFamily;
  /** Layers that are only listed become layers that are kept here. */
  readonly removeUrls?: boolean;
  readonly addLayers?: readonly LayerInput[];
  /** RFC 3339, for what is added; 1970 by default. */
  readonly createdAt?: string;
  /** Seconds since 1970 that added files get. 0 by default. */
  readonly epoch?: number;
  readonly owner?: Owner;
  /** Of layers that are packed here; gzip by default. */
  readonly addedCompression?: Compression;
  readonly config?: ConfigChange;
  readonly removeBuildArguments?: readonly BuildArgument[];
  readonly configTime?: TimeRule;
  readonly layerTime?: TimeRule;
  /** Times of the entries of single tars or trees inside the layers, by path. */
  readonly fileTimes?: readonly { readonly path: string; readonly rule: TimeRule }[];
  /** Nothing in the result is newer: configuration, history, created annotations, files in layers. */
  readonly timeMax?: Date;
  /** Headers of tars without what differs from builder to builder. */
  readonly reproducible?: boolean;
  /** Of all layers. */
  readonly compression?: Compression;
  readonly annotations?: AnnotationChange;
  /** Labels of the configuration become annotations of the manifest, those it has excepted. */
  readonly labelsToAnnotations?: boolean;
  /** Annotations that all images of an index share come up to the index. */
  readonly promoteAnnotations?: boolean;
  /** BuildKit's attestations in an index become referrers of the images they speak of. */
  readonly attestationsToReferrers?: boolean;
  readonly algorithm?: Algorithm;
  /** Bytes up to which content is inlined in the descriptor that points at it; 0 takes all of it out. */
  readonly dataMax?: number;
}

/** Whether a path is at or below another one; both as they stand, relative or not. */
function isBelow(path: string, folder: string): boolean {
  const parts = (text: string): string[] => text.split("/").filter((part) => part !== "" && part !== ".");
  const [inner, outer] = [parts(path), parts(folder)];
  return outer.every((part, at) => inner[at] === part);
}

/** The edit of one layer's tar, of all changes that want one; undefined where none does. */
function layerEdit(change: ImageChange, at: number, draft: Parameters<DraftStep>[0]): LayerEdit | undefined {
  const { layerTime, timeMax, fileTimes = [], reproducible = false, compression } = change;
  const rules = [...(layerTime ? [layerTime] : []), ...(timeMax ? [notAfter(timeMax)] : [])];
  const timings = rules.map((rule) => timingOf(rule, draft)).filter(({ baseLayers }) => at >= baseLayers);
  const files = fileTimes.map(({ path, rule }) => ({ path, timing: timingOf(rule, draft) }));
  const header = (entry: TarEntry): { time: (seconds: number) => number; reproducible: boolean } => {
    const own = files.filter(({ path, timing }) => at >= timing.baseLayers && isBelow(entry.path, path));
    const all = [...timings, ...own.map(({ timing }) => timing)];
    const time = (seconds: number): number =>
      all.reduce((now, { adjust }) => {
        const adjusted = adjust(new Date(now * 1000)).getTime();
        // A fraction of a second stays where nothing changes.
        return adjusted === now * 1000 ? now : Math.max(0, Math.floor(adjusted / 1000));
      }, seconds);
    return { time: all.length === 0 ? (seconds) => seconds : time, reproducible };
  };
  const edits = timings.length > 0 || files.length > 0 || reproducible;
  if (!edits && compression === undefined) return undefined;
  const key = [...timings, ...files.map(({ timing }) => timing)].map((timing) => timing.key).join();
  return { key, ...(edits ? { tar: { header } } : {}), ...(compression === undefined ? {} : { compression }) };
}

function stripEdit(paths: readonly string[]): LayerEdit {
  const gone = (path: string): boolean => paths.some((folder) => isBelow(path, folder));
  return {
    tar: {
      keep: (entry) => {
        if (gone(entry.path)) return false;
        if (entry.type !== "hardlink" || !gone(entry.linkPath ?? "")) return true;
        throw new OciError(
          "UNSUPPORTED",
          `Cannot take ${shownPath(entry.linkPath ?? "")} away: ${shownPath(entry.path)} is a hard link to it`,
          { hint: "Take both away" },
        );
      },
    },
  };
}

/** The steps that a change comes to. Made once for all images of an index, so that shared layers are worked on once. */
export function stepsOf(change: ImageChange): readonly DraftStep[] {
  const steps: DraftStep[] = [];
  const { rebase, removeLayers: removal, strip = [], mediaTypes, config, timeMax, configTime } = change;
  if (rebase) steps.push(rebaseLayers(rebase));
  if (removal) steps.push(removeLayers(removal));
  if (mediaTypes) steps.push(convertTypes(mediaTypes));
  if (change.removeUrls === true) steps.push(withoutUrls);
  if (strip.length > 0) steps.push(rewriteLayers(() => stripEdit(strip)));
  if (change.flatten === true) steps.push(flattenLayers(change.compression));
  if (change.addLayers && change.addLayers.length > 0) {
    const { addLayers: inputs, createdAt, epoch = 0, owner } = change;
    const compression = change.addedCompression ?? change.compression ?? "gzip";
    const rest = { ...(createdAt === undefined ? {} : { createdAt }), ...(owner ? { owner } : {}) };
    steps.push(addLayers(inputs, { compression, epoch, ...rest }));
  }
  if (config) steps.push((draft) => ({ ...draft, config: changeConfig(draft.config, config) }));
  if (change.removeBuildArguments) steps.push(withoutBuildArguments(change.removeBuildArguments));
  if (configTime) steps.push(configTimes(configTime));
  if (timeMax) steps.push(configTimes(notAfter(timeMax)));
  steps.push(rewriteLayers((at, draft) => layerEdit(change, at, draft)));
  if (change.algorithm) steps.push(rehashLayers(change.algorithm));
  return steps;
}

/** Whether a change can only be made to images, and not to other artifacts. */
export function needsImage(change: ImageChange): boolean {
  const { annotations: _a, algorithm: _b, dataMax: _c, promoteAnnotations: _d, config, ...rest } = change;
  const asked = Object.values(rest).some((value) => value !== undefined && value !== false && !isEmpty(value));
  return asked || Object.keys(changeConfig({}, config ?? {})).length > 0;
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
