import { OciError } from "../error/oci-error.ts";
import { annotationChange } from "../image/annotation-change.ts";
import type { ImageChange } from "../image/image-change.ts";
import { parseLayerText } from "../image/layer-input.ts";
import { parseTime } from "../image/time.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Algorithm } from "../spec/digest.ts";
import { parsePlatformText } from "../spec/platform.ts";
import type { Compression } from "../tar/compress.ts";
import type { Context } from "./context.ts";
import { readRunOptions, removeOptions, runOptions, withRemovals } from "./image-options.ts";
import { readRule } from "./image-time-options.ts";
import { resolvePath } from "./input.ts";
import { byteSize, choice, flag, keyValues, list, type Option, type OptionValues, text } from "./option.ts";
import { formatTime } from "../spec/time.ts";

/** What `image mod` can change. */
export const modOptions: typeof runOptions &
  typeof removeOptions & {
    readonly annotations: Option<Readonly<Record<string, string>>>;
    readonly annotationBase: Option<string | undefined>;
    readonly annotationPromote: Option<boolean>;
    readonly labelToAnnotation: Option<boolean>;
    readonly setPlatform: Option<string | undefined>;
    readonly created: Option<string | undefined>;
    readonly buildArguments: Option<readonly string[]>;
    readonly layerAdd: Option<readonly string[]>;
    readonly layerRemove: Option<readonly string[]>;
    readonly layerCreatedBy: Option<readonly string[]>;
    readonly strip: Option<readonly string[]>;
    readonly compress: Option<Compression | undefined>;
    readonly time: Option<string | undefined>;
    readonly configTime: Option<string | undefined>;
    readonly layerTime: Option<string | undefined>;
    readonly fileTimes: Option<readonly string[]>;
    readonly timeMax: Option<string | undefined>;
    readonly reproducible: Option<boolean>;
    readonly removeUrls: Option<boolean>;
    readonly toDocker: Option<boolean>;
    readonly toOci: Option<boolean>;
    readonly toReferrers: Option<boolean>;
    readonly algorithm: Option<Algorithm | undefined>;
    readonly dataMax: Option<number | undefined>;
  } = {
  ...runOptions,
  ...removeOptions,
  annotations: keyValues(
    "-a, --annotation <[manifest:|index:]key=value>",
    "annotate manifests, the index, or both (may be repeated)",
  ),
  annotationBase: text("--annotation-base <name[,digest]>", "say what the image is based on"),
  annotationPromote: flag("--annotation-promote", "annotate the index with what its images have in common"),
  labelToAnnotation: flag("--label-to-annotation", "annotate manifests with the labels of their configuration"),
  setPlatform: text("--config-platform <os/arch[/variant]>", "what the image says it runs on"),
  created: text("--created <time>", "time of creation, as RFC 3339 or seconds since 1970"),
  buildArguments: list("--buildarg-rm <name[=regex]>", "take a build argument out of the history (may be repeated)"),
  layerAdd: list(
    "--layer-add <[platform=]path[:target]>",
    "a folder, file or tar as a new top layer (may be repeated)",
  ),
  layerRemove: list("--layer-rm-index <n>", "take a layer away, 0 the lowest (may be repeated)"),
  layerCreatedBy: list(
    "--layer-rm-created-by <regex>",
    "take layers away by their line of the history (may be repeated)",
  ),
  strip: list("--layer-strip-file <path>", "take a file or folder out of all layers (may be repeated)"),
  compress: choice("--layer-compress <how>", "compress all layers so", ["gzip", "zstd", "none"]),
  time: text(
    "--time <rule>",
    "times of configuration and files: TIME, or set=TIME,from-label=KEY,after=TIME,base-layers=N",
  ),
  configTime: text("--config-time <rule>", "times of the configuration and its history"),
  layerTime: text("--layer-time <rule>", "times of the files in layers"),
  fileTimes: list("--file-tar-time <path,rule>", "times of a file or folder in layers (may be repeated)"),
  timeMax: text("--time-max <time>", "nothing in the image is newer: configuration, history, files"),
  reproducible: flag("--reproducible", "headers of files without what differs from builder to builder"),
  removeUrls: flag("--external-urls-rm", "keep layers here that are only listed with addresses elsewhere"),
  toDocker: flag("--to-docker", "Docker's media types"),
  toOci: flag("--to-oci", "OCI's media types"),
  toReferrers: flag("--to-oci-referrers", "BuildKit's attestations in an index become referrers"),
  algorithm: choice("--digest-algo <algorithm>", "of all digests", ["sha256", "sha512"]),
  dataMax: byteSize("--data-max <bytes>", "inline content of at most this size where it is pointed at; 0: none"),
};

export type ModValues = OptionValues<typeof modOptions>;

function regularExpression(written: string, name: string): RegExp {
  try {
    return new RegExp(written);
  } catch (cause) {
    throw new OciError("USAGE", `Invalid value ${JSON.stringify(written)} for ${name}: not a regular expression`, {
      cause,
    });
  }
}

function readIndex(written: string): number {
  if (/^\d{1,4}$/.test(written)) return Number(written);
  throw new OciError("USAGE", `Invalid value ${JSON.stringify(written)} for --layer-rm-index: expected a number`);
}

/** `NAME` of the base, `NAME,DIGEST` or `NAME@DIGEST`. */
function baseAnnotations(written: string | undefined): Record<string, string> {
  if (written === undefined) return {};
  const [name = "", digest] = written.split(/[,@](?=[a-z0-9]+:[a-f0-9]{64,128}$)/);
  const key = (annotation: string): string => `manifest:${annotation}`;
  return {
    [key(Annotation.BaseName)]: name,
    ...(digest === undefined ? {} : { [key(Annotation.BaseDigest)]: digest }),
  };
}

function layerChanges(values: ModValues, context: Context): Partial<ImageChange> {
  const indexes = values.layerRemove.map(readIndex);
  const createdBy = values.layerCreatedBy.map((written) => regularExpression(written, "--layer-rm-created-by"));
  const added = values.layerAdd.map((written) => {
    const layer = parseLayerText(written);
    return { ...layer, path: resolvePath(layer.path, context) };
  });
  return {
    ...(indexes.length + createdBy.length === 0 ? {} : { removeLayers: { indexes, createdBy } }),
    ...(added.length === 0 ? {} : { addLayers: added }),
    ...(values.strip.length === 0 ? {} : { strip: values.strip }),
    ...(values.compress === undefined ? {} : { compression: values.compress }),
  };
}

async function timeChanges(
  values: ModValues,
  countLayers: (base: string) => Promise<number>,
): Promise<Partial<ImageChange>> {
  const { time, configTime = time, layerTime = time, timeMax } = values;
  const files = [];
  for (const written of values.fileTimes) {
    const comma = written.indexOf(",");
    if (comma < 1) {
      throw new OciError("USAGE", `Invalid value ${JSON.stringify(written)} for --file-tar-time: expected path,rule`);
    }
    files.push({ path: written.slice(0, comma), rule: await readRule(written.slice(comma + 1), countLayers) });
  }
  return {
    ...(configTime === undefined ? {} : { configTime: await readRule(configTime, countLayers) }),
    ...(layerTime === undefined ? {} : { layerTime: await readRule(layerTime, countLayers) }),
    ...(files.length === 0 ? {} : { fileTimes: files }),
    ...(timeMax === undefined ? {} : { timeMax: parseTime(timeMax) }),
  };
}

function formChanges(values: ModValues): Partial<ImageChange> {
  if (values.toDocker && values.toOci)
    throw new OciError("USAGE", "Expected one of --to-docker and --to-oci, got both");
  const family = values.toDocker ? "docker" : values.toOci ? "oci" : undefined;
  const buildArguments = values.buildArguments.map((written) => {
    const equals = written.indexOf("=");
    if (equals === -1) return { name: written };
    return { name: written.slice(0, equals), value: regularExpression(written.slice(equals + 1), "--buildarg-rm") };
  });
  return {
    ...(family === undefined ? {} : { mediaTypes: family }),
    ...(buildArguments.length === 0 ? {} : { removeBuildArguments: buildArguments }),
    ...(values.reproducible ? { reproducible: true } : {}),
    ...(values.removeUrls ? { removeUrls: true } : {}),
    ...(values.toReferrers ? { attestationsToReferrers: true } : {}),
    ...(values.annotationPromote ? { promoteAnnotations: true } : {}),
    ...(values.labelToAnnotation ? { labelsToAnnotations: true } : {}),
    ...(values.algorithm === undefined ? {} : { algorithm: values.algorithm }),
    ...(values.dataMax === undefined ? {} : { dataMax: values.dataMax }),
  };
}

/**
 * What the options ask for.
 * @param countLayers how many layers a base has, for rules that leave them alone
 * @throws OciError USAGE
 */
export async function readModOptions(
  values: ModValues,
  context: Context,
  countLayers: (base: string) => Promise<number>,
): Promise<ImageChange> {
  const { setPlatform, created, annotations, annotationRemove, annotationBase } = values;
  return {
    config: {
      ...withRemovals(readRunOptions(values), values),
      ...(setPlatform === undefined ? {} : { platform: parsePlatformText(setPlatform) }),
      ...(created === undefined ? {} : { created: formatTime(parseTime(created)) }),
    },
    annotations: annotationChange({ ...baseAnnotations(annotationBase), ...annotations }, annotationRemove),
    ...layerChanges(values, context),
    ...(await timeChanges(values, countLayers)),
    ...formChanges(values),
  };
}
