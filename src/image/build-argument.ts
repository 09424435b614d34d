import { isJsonObject, type JsonValue } from "../spec/json.ts";
import type { DraftStep } from "./draft.ts";
import { withFields } from "../spec/json-edit.ts";

/** A build argument to forget: by its name, and where a pattern is given only with such values. */
export interface BuildArgument {
  readonly name: string;
  readonly value?: RegExp;
}

function meant(pair: string, { name, value }: BuildArgument): boolean {
  const equals = pair.indexOf("=");
  const own = equals === -1 ? pair : pair.slice(0, equals);
  return own === name && (value === undefined || value.test(equals === -1 ? "" : pair.slice(equals + 1)));
}

/** `|2 A=1 B=two words /bin/sh -c make`: how many arguments, the arguments, the command. */
function withoutPairs(line: string, wanted: readonly BuildArgument[]): string {
  const start = /^(RUN )?\|(\d{1,4}) /.exec(line);
  if (!start) return line;
  let rest = line.slice(start[0].length);
  const kept: string[] = [];
  // Values are not quoted: one ends where the next name or the shell begins.
  for (let left = Number(start[2]); left > 0; left -= 1) {
    const next = left > 1 ? / (?=[A-Za-z_][A-Za-z0-9_]*=)/.exec(rest) : / (?=\/)/.exec(rest);
    if (!next) return line;
    const pair = rest.slice(0, next.index);
    rest = rest.slice(next.index + 1);
    if (!wanted.some((argument) => meant(pair, argument))) kept.push(pair);
  }
  return `${start[1] ?? ""}${[...(kept.length === 0 ? [] : [`|${kept.length}`]), ...kept, rest].join(" ")}`;
}

function edited(line: JsonValue, wanted: readonly BuildArgument[]): readonly JsonValue[] {
  const createdBy = isJsonObject(line) ? line["created_by"] : undefined;
  if (!isJsonObject(line) || typeof createdBy !== "string") return [line];
  const declared = /^(?:\/bin\/sh -c #\(nop\)\s+)?ARG (.*?)(?: # buildkit)?$/s.exec(createdBy)?.[1];
  if (declared !== undefined && line["empty_layer"] === true) {
    return wanted.some((argument) => meant(declared, argument)) ? [] : [line];
  }
  const without = withoutPairs(createdBy, wanted);
  return [without === createdBy ? line : withFields(line, { created_by: without })];
}

/** Takes build arguments out of the history: the lines that declare them, and their values in the lines that used them. */
export function withoutBuildArguments(wanted: readonly BuildArgument[]): DraftStep {
  return (draft) => {
    const history = draft.history.flatMap((line) => edited(line, wanted));
    const same = history.length === draft.history.length && history.every((line, at) => line === draft.history[at]);
    return same ? draft : { ...draft, history };
  };
}
