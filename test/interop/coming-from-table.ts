import { readFileSync } from "node:fs";

/** One line of docs/guide/coming-from.md. */
export interface Pair {
  readonly tool: string;
  readonly theirs: string;
  readonly ours: string;
  /** What has to be the same. */
  readonly same: string;
}

const ROW = /^\| `(?<theirs>[^`]+)` \| `(?<ours>[^`]+)` \| (?<same>.+) \|$/;

/** The pairs of the page, in order. */
export function readPairs(): readonly Pair[] {
  const page = readFileSync(new URL("../../docs/guide/coming-from.md", import.meta.url), "utf8");
  let tool = "";
  return page.split("\n").flatMap((line) => {
    tool = /^## (\S+)$/.exec(line)?.[1] ?? tool;
    const { theirs, ours, same } = ROW.exec(line)?.groups ?? {};
    return theirs === undefined || ours === undefined || same === undefined ? [] : [{ tool, theirs, ours, same }];
  });
}

/** A command line as a shell takes it apart, as far as the page needs it. */
export interface CommandLine {
  readonly env: Readonly<Record<string, string>>;
  readonly words: readonly string[];
  /** What follows `<`. */
  readonly input?: string;
}

export function parseLine(line: string): CommandLine {
  const words = [...line.matchAll(/(?:"[^"]*"|[^\s"])+/g)].map(([word]) => word.replaceAll('"', ""));
  const env: Record<string, string> = {};
  for (let at = /^([A-Z]+)=(.*)$/.exec(words[0] ?? ""); at; at = /^([A-Z]+)=(.*)$/.exec(words[0] ?? "")) {
    env[at[1] ?? ""] = at[2] ?? "";
    words.shift();
  }
  const from = words.indexOf("<");
  if (from === -1) return { env, words };
  return { env, words: words.slice(0, from), input: words[from + 1] ?? "" };
}
