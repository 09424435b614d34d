import type { Result } from "./measure.ts";

export interface Bench {
  /** How berth is called. */
  readonly berth: readonly string[];
  /** A folder for whatever the row needs; on a real disk. */
  readonly folder: string;
  readonly rounds: number;
}

/** One line of the table: a job, and everybody's time for it. */
export interface Row {
  readonly title: string;
  /** The ratio to each peer that berth wants to stay below. */
  readonly goal: Readonly<Record<string, number>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
  readonly note?: string;
}

function cell(result: Result, goal: number | undefined): string {
  const [middle, least, most] = result.ratio;
  const verdict = least < 1 && most > 1 ? "level" : middle < 1 ? "ahead" : "behind";
  const aim = goal === undefined ? "" : ` — goal ${goal}: ${middle <= goal ? "met" : "missed"}`;
  return `${middle.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)}), ${verdict}${aim}`;
}

/** A row as Markdown. */
export function render(row: Row): string {
  const lines = [`### ${row.title}`, ""];
  const versions = Object.entries(row.versions).map(([name, version]) => `${name}: ${version}`);
  if (versions.length > 0) lines.push(versions.join("; "), "");
  lines.push("| who | median ms | peak MiB | berth ÷ this (median, least–most) |", "|---|---|---|---|");
  for (const [at, result] of row.results.entries()) {
    const peak = result.peak > 0 ? (result.peak / 1024 ** 2).toFixed(0) : "–";
    const compared = at === 0 || result.ratio.every((value) => value === 1) ? "–" : cell(result, row.goal[result.name]);
    lines.push(`| ${result.name} | ${result.medianMs.toFixed(0)} | ${peak} | ${compared} |`);
  }
  if (row.note) lines.push("", row.note);
  return `${lines.join("\n")}\n`;
}
