/**
 * `node scripts/docs.ts [--check]`: writes the pages of docs/ that follow from the source,
 * or says which of them are out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ERROR_FACTS, Exit } from "../src/error/code.ts";
import { Limits } from "../src/spec/limits.ts";

const root = dirname(import.meta.dirname);

const EXIT_MEANING: Readonly<Record<keyof typeof Exit, string>> = {
  Ok: "it did what was asked",
  Failed: "it failed, or a check found something",
  Usage: "the command line is wrong",
  NotFound: "something named is not there",
  Access: "the registry refused the credentials, or there were none",
  Content: "content is not what it should be: wrong digest, wrong size, damaged, too large, not valid",
  Conflict: "somebody else changed it meanwhile, or holds the lock",
  Network: "the registry could not be reached, or did not keep to the protocol",
  Partial: "of many things some were done and some failed: `run`, `copy --from-file`",
  Unverified: "signatures are missing, do not verify, or are not by whom they should be",
  Refused: "a policy does not allow it: something is missing, or could not be told",
  Disk: "the disk failed, is full, or does not permit it",
  Interrupted: "interrupted by Ctrl-C; by another signal 128 + its number, as 143 for SIGTERM",
};

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function errorsPage(): string {
  const exits = Object.entries(Exit).map(([name, code]) => [code, EXIT_MEANING[name as keyof typeof Exit]]);
  const codes = Object.entries(ERROR_FACTS).map(([code, facts]) => [
    `\`${code}\``,
    facts.exit,
    facts.http,
    `\`${facts.spec}\``,
    facts.hint,
  ]);
  return `# Errors

Generated from \`src/error/code.ts\` by \`scripts/docs.ts\`.

Every failure is an \`OciError\` with one of the codes below. The command line prints its message and a hint, and exits
with the code's exit code; with \`--progress json\` they are one line of JSON on standard error. A server answers with the
HTTP status and the code that the distribution-spec has for it.

## Exit codes

${table(["exit", "meaning"], exits)}

A second signal ends the program at once. A \`serve\` that is stopped by a signal did what was asked.

## Codes

${table(["code", "exit", "HTTP", "on the wire", "what to do"], codes)}
`;
}

function shown(value: number): string {
  if (value >= 1024 ** 3 && value % 1024 ** 3 === 0) return `${value / 1024 ** 3} GiB`;
  if (value >= 1024 * 1024 && value % (1024 * 1024) === 0) return `${value / (1024 * 1024)} MiB`;
  if (value >= 1024 && value % 1024 === 0) return `${value / 1024} KiB`;
  return value.toLocaleString("en-US");
}

/** The comment above each limit, as the source has it. */
function limitsPage(): string {
  const source = readFileSync(join(root, "src/spec/limits.ts"), "utf8");
  const described = new Map(
    [...source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*readonly (\w+):/g)].map((match) => [
      match[2] ?? "",
      (match[1] ?? "").replaceAll(/\s*\n\s*\*\s*/g, " ").trim(),
    ]),
  );
  const rows = Object.entries(Limits).map(([name, value]) => {
    const description = described.get(name);
    if (description === undefined) throw new Error(`src/spec/limits.ts says nothing about ${name}`);
    return [`\`${name}\``, shown(value), description];
  });
  return `# Limits

Generated from \`src/spec/limits.ts\` by \`scripts/docs.ts\`.

Whatever a stranger sizes has a cap; going over one is the error \`LIMIT_EXCEEDED\`. Sizes are of memory or of small files:
blobs of any size pass through in constant memory. They are constants of the source: raising one is a change there.

${table(["limit", "value", "of what"], rows)}
`;
}

const pages: readonly (readonly [file: string, text: string])[] = [
  ["docs/errors.md", errorsPage()],
  ["docs/limits.md", limitsPage()],
];

function current(file: string): string | undefined {
  try {
    return readFileSync(join(root, file), "utf8");
  } catch {
    return undefined;
  }
}

const stale = pages.filter(([file, text]) => current(file) !== text);
if (process.argv.includes("--check")) {
  for (const [file] of stale) console.error(`${file} is out of date; run: npm run docs`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [file, text] of stale) writeFileSync(join(root, file), text);
}
