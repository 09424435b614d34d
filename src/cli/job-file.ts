import { OciError } from "../error/oci-error.ts";
import { isJsonObject } from "../spec/json.ts";

/** One command line of a file. */
export interface JobLine {
  /** What its report calls it: its name, or where it stands. */
  readonly name: string;
  /** As the shell would have split them. */
  readonly words: readonly string[];
}

export interface JobFile {
  readonly jobs: readonly JobLine[];
  readonly parallel?: number;
  readonly continueOnError?: boolean;
}

/** Bytes of a file of jobs. */
export const JOB_FILE_LIMIT: number = 16 * 1024 * 1024;
/** Aliases that a YAML file may use; more could blow a small file up to any size. */
const MOST_ALIASES = 100;
const MOST_JOBS = 100_000;

function wrong(where: string, problem: string): OciError {
  return new OciError("USAGE", `Invalid ${where}: ${problem}`, {
    hint: "A job is a line as on the shell, a list of words, or { name, run }; see: berth run --help",
  });
}

/**
 * Reads a file of jobs: YAML (a list, or a mapping with `jobs`), or JSON of the same, or JSON lines. Only plain data:
 * no tags, no merge keys, few aliases.
 * @throws OciError USAGE
 */
export async function parseJobFile(text: string, file: string): Promise<JobFile> {
  const document = parseLines(text) ?? (await parseYaml(text, file));
  if (Array.isArray(document)) return { jobs: jobsOf(document, file) };
  if (!isJsonObject(document)) throw wrong(file, "expected a list of jobs, or a mapping with jobs");
  for (const key of Object.keys(document)) {
    // As regsync and compose have it: a place for anchors.
    if (!["jobs", "parallel", "continueOnError"].includes(key) && !key.startsWith("x-")) {
      throw wrong(file, `${JSON.stringify(key.slice(0, 80))} is none of jobs, parallel, continueOnError`);
    }
  }
  const { jobs, parallel, continueOnError } = document;
  if (!Array.isArray(jobs)) throw wrong(file, "jobs must be a list");
  if (parallel !== undefined && !(Number.isSafeInteger(parallel) && Number(parallel) >= 1 && Number(parallel) <= 64)) {
    throw wrong(file, "parallel must be a number from 1 to 64");
  }
  if (continueOnError !== undefined && typeof continueOnError !== "boolean") {
    throw wrong(file, "continueOnError must be true or false");
  }
  return {
    jobs: jobsOf(jobs, file),
    ...(parallel === undefined ? {} : { parallel: Number(parallel) }),
    ...(continueOnError === undefined ? {} : { continueOnError }),
  };
}

/** JSON lines; undefined where a line is no JSON of its own. */
function parseLines(text: string): readonly unknown[] | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  // One line is as well a whole document.
  if (lines.length < 2 || !lines.every((line) => /^\s*[[{"]/.test(line))) return undefined;
  try {
    return lines.map((line) => JSON.parse(line) as unknown);
  } catch {
    return undefined;
  }
}

async function parseYaml(text: string, file: string): Promise<unknown> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text, { schema: "core", merge: false, uniqueKeys: true, prettyErrors: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw wrong(file, (problem.message.split("\n", 1)[0] ?? "").replace(/:$/, ""));
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (cause) {
    throw wrong(file, cause instanceof Error ? cause.message : "it cannot be read");
  }
}

function jobsOf(list: readonly unknown[], file: string): readonly JobLine[] {
  if (list.length > MOST_JOBS) throw wrong(file, `it has ${list.length} jobs, at most ${MOST_JOBS} are taken`);
  return list.map((item, at) => toJob(item, `job ${at + 1} of ${file}`, `${at + 1}`));
}

function toJob(item: unknown, where: string, name: string): JobLine {
  if (typeof item === "string") return { name, words: splitLine(item, where) };
  if (Array.isArray(item)) {
    if (item.length === 0) throw wrong(where, "it has no words");
    return { name, words: item.map((word) => toWord(word, where)) };
  }
  if (!isJsonObject(item)) throw wrong(where, "expected a line, a list of words, or { name, run }");
  const { name: own, run, ...rest } = item;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw wrong(where, `${JSON.stringify(unknown.slice(0, 80))} is none of name, run`);
  if (own !== undefined && typeof own !== "string") throw wrong(where, "name must be a text");
  if (typeof run !== "string" && !Array.isArray(run)) throw wrong(where, "run must be a line or a list of words");
  return toJob(run, where, own ?? name);
}

/** Numbers are words too: a tag such as 3.20 that YAML takes for one would lose its zero. */
function toWord(word: unknown, where: string): string {
  if (typeof word === "string") return word;
  if (typeof word === "number")
    throw wrong(where, `${word} is a number: put it into quotes, so that it stays as written`);
  throw wrong(where, "each word must be a text");
}

/**
 * Splits a line as a shell does: spaces part, quotes and backslashes keep together. Nothing else has a meaning:
 * no variables, no patterns, no commands.
 * @throws OciError USAGE for a quote that is not closed
 */
export function splitLine(line: string, where: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote === "" && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === "" && (char === '"' || char === "'")) {
      quote = char;
      word ??= "";
    } else if (char === quote) {
      quote = "";
    } else if (char === "\\" && quote !== "'" && at + 1 < line.length) {
      at += 1;
      word = (word ?? "") + line.charAt(at);
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") throw wrong(where, `a quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw wrong(where, "it is empty");
  return words[0] === "berth" ? words.slice(1) : words;
}

/** Reads lines of SOURCE TARGET…; empty ones and those that begin with # are nothing. @throws OciError USAGE */
export function parsePairs(text: string, file: string): readonly { source: string; targets: readonly string[] }[] {
  const pairs: { source: string; targets: readonly string[] }[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.trim().startsWith("#")) continue;
    const where = `line ${at + 1} of ${file}`;
    const [source = "", ...targets] = splitLine(line, where);
    if (targets.length === 0) throw wrong(where, "expected SOURCE and TARGET");
    pairs.push({ source, targets });
  }
  if (pairs.length > MOST_JOBS) throw wrong(file, `it has ${pairs.length} lines, at most ${MOST_JOBS} are taken`);
  return pairs;
}
