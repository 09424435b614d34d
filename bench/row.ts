import type { Fleet } from "./fleet.ts";
import type { Server } from "./servers/server.ts";
import { median, spread, type Spread } from "./statistics.ts";

export interface Bench {
  /** How berth is called. */
  readonly berth: readonly string[];
  /** A folder for whatever the row needs; on a real disk. */
  readonly folder: string;
  readonly rounds: number;
  /** Of one measurement under load. */
  readonly seconds: number;
  /** Tags, and orphans, of the rows that need many. */
  readonly many: number;
  /** The servers that several rows put a load on, started when first asked for. */
  fleet(): Promise<Fleet>;
  /** Registries with so many tags in one repository. */
  tagged(): Promise<readonly Server[]>;
}

/** What one round of one contender gave, by the key of the column. */
export type Measured = Readonly<Record<string, number>>;

export interface Entry {
  readonly name: string;
  readonly rounds: readonly Measured[];
}

export interface Column {
  readonly key: string;
  /** With the unit. */
  readonly label: string;
  readonly digits?: number;
  /** Which way is good; a column without it is shown and not compared. */
  readonly better?: "more" | "less";
  /** The ratio to a contender, or to several, that the first one has to reach. */
  readonly goals?: Readonly<Record<string, number>>;
  /** What the value of a contender may be at most. */
  readonly limits?: Readonly<Record<string, number>>;
}

/** A job, and what everybody needed for it; the first entry is berth, the others it is compared with. */
export interface Row {
  readonly title: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly columns: readonly Column[];
  readonly entries: readonly Entry[];
  readonly note?: string;
}

export interface Verdict {
  readonly quantity: string;
  readonly against: string;
  readonly goal: string;
  readonly measured: string;
  readonly word: "met" | "missed" | "ahead" | "level" | "behind";
}

function values(entry: Entry | undefined, key: string): number[] {
  return (entry?.rounds ?? []).map((round) => round[key]).filter((value): value is number => Number.isFinite(value));
}

/** The first entry's value over another's, round by round: what happened at the same time is compared. */
function ratios(ours: Entry | undefined, other: Entry, key: string): Spread | undefined {
  const each = other.rounds.map((round, at) => (ours?.rounds[at]?.[key] ?? Number.NaN) / (round[key] ?? Number.NaN));
  const finite = each.filter((value) => Number.isFinite(value));
  return finite.length > 0 ? spread(finite) : undefined;
}

function number(value: number): string {
  return value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 0.1
        ? value.toFixed(2)
        : value.toFixed(3);
}

function compare(column: Column, against: string, ratio: Spread): Verdict {
  const { middle, least, most } = ratio;
  const more = column.better === "more";
  const goal = column.goals?.[against];
  const met = goal !== undefined && (more ? middle >= goal : middle <= goal);
  const ahead = more ? middle > 1 : middle < 1;
  const bare = least < 1 && most > 1 ? "level" : ahead ? "ahead" : "behind";
  return {
    quantity: column.label,
    against,
    goal: goal === undefined ? "" : `${more ? "≥" : "≤"} ${goal} ×`,
    measured: `${number(middle)} × (${number(least)}–${number(most)})`,
    word: goal === undefined ? bare : met ? "met" : "missed",
  };
}

/** Every comparison and every limit of a row, losses too. */
export function verdicts({ columns, entries }: Row): Verdict[] {
  const [ours, ...others] = entries;
  const list: Verdict[] = [];
  for (const column of columns) {
    for (const [name, limit] of Object.entries(column.limits ?? {})) {
      const value = median(
        values(
          entries.find((entry) => entry.name === name),
          column.key,
        ),
      );
      const word = value <= limit ? "met" : "missed";
      list.push({ quantity: column.label, against: name, goal: `≤ ${limit}`, measured: number(value), word });
    }
    for (const other of column.better ? others : []) {
      const ratio = ratios(ours, other, column.key);
      if (ratio) list.push(compare(column, other.name, ratio));
    }
  }
  return list;
}

function table(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...lines.map(line)].join("\n");
}

/** A row's figures as Markdown: medians, what they are compared with, and what the row has to say. */
export function renderRow(row: Row): string {
  const lines = row.entries.map((entry) => [
    [entry.name, row.versions[entry.name]].filter((word) => word !== undefined).join(" "),
    ...row.columns.map(({ key, digits = 0 }) => {
      const own = values(entry, key);
      return own.length > 0 ? median(own).toFixed(digits) : "–";
    }),
  ]);
  const figures = table(["who", ...row.columns.map((column) => column.label)], lines);
  return [`### ${row.title}`, figures, row.note].filter((part) => part !== undefined).join("\n\n");
}

/** All rows' comparisons in one table. */
export function renderVerdicts(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) =>
    verdicts(row).map(({ quantity, against, goal, measured, word }) => [
      row.title,
      quantity,
      [against, row.versions[against]].filter((part) => part !== undefined).join(" "),
      goal,
      measured,
      ["missed", "behind"].includes(word) ? `**${word}**` : word,
    ]),
  );
  return table(["row", "what", "berth ÷", "goal", "measured", ""], lines);
}
