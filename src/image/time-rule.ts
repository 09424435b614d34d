import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { type DraftStep, historyBelow, type ImageDraft } from "./draft.ts";
import { objectField, withFields } from "../spec/json-edit.ts";
import { formatTime } from "../spec/time.ts";

/** How times change. */
export interface TimeRule {
  /** The time they get; else that of a label, as RFC 3339. */
  readonly set?: Date;
  readonly label?: string;
  /** Only times after this one. */
  readonly after?: Date;
  /** So many layers from below, those of the base, stay as they are. */
  readonly baseLayers?: number;
}

/** What a rule comes to for one image. */
export interface Timing {
  readonly adjust: (time: Date) => Date;
  readonly baseLayers: number;
  /** Equal for rules that come to the same. */
  readonly key: string;
}

/** Nothing is newer than a time. */
export function notAfter(max: Date): TimeRule {
  return { set: max, after: max };
}

/**
 * Applies a rule to one image.
 * @throws OciError USAGE where the label is missing or holds no time
 */
export function timingOf(rule: TimeRule, draft: Pick<ImageDraft, "config">): Timing {
  const set = rule.set ?? labelTime(rule.label ?? "", draft.config);
  const { after, baseLayers = 0 } = rule;
  const key = `${set.getTime()}/${after?.getTime() ?? ""}`;
  return { adjust: (time) => (after === undefined || time > after ? set : time), baseLayers, key };
}

function labelTime(label: string, config: JsonObject): Date {
  const value = objectField(objectField(config, "config"), "Labels")[label];
  const time = new Date(typeof value === "string" ? value : Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  const got = value === undefined ? "no such label" : JSON.stringify(value);
  throw new OciError("USAGE", `Expected a time in the label ${JSON.stringify(label)}, got ${got}`);
}

function adjustText(object: JsonObject, key: string, { adjust }: Pick<Timing, "adjust">): JsonObject {
  const text = object[key];
  const time = new Date(typeof text === "string" ? text : Number.NaN);
  if (Number.isNaN(time.getTime())) return object;
  const adjusted = adjust(time);
  return adjusted.getTime() === time.getTime() ? object : withFields(object, { [key]: formatTime(adjusted) });
}

/** Changes the times that a configuration tells: its own and those of its history, the base's lines excepted. */
export function configTimes(rule: TimeRule): DraftStep {
  return (draft) => {
    const timing = timingOf(rule, draft);
    const base = timing.baseLayers === 0 ? 0 : historyBelow(draft, timing.baseLayers);
    const lines = draft.history.map((line, at): JsonValue =>
      at >= base && isJsonObject(line) ? adjustText(line, "created", timing) : line,
    );
    const history = lines.every((line, at) => line === draft.history[at]) ? draft.history : lines;
    return { ...draft, config: adjustText(draft.config, "created", timing), history };
  };
}

/** Clamps the created annotation of a manifest or index. */
export function clampAnnotations(document: JsonObject, max: Date): JsonObject {
  const annotations = objectField(document, "annotations");
  const clamped = adjustText(annotations, Annotation.Created, { adjust: (time) => (time > max ? max : time) });
  return clamped === annotations ? document : withFields(document, { annotations: clamped });
}
