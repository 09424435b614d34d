/** What was tried of one operation under one fault on one medium, in numbers. */
export interface Tally {
  /** Times that the fault was put there. */
  points: number;
  /** Of them, those in which it took effect; in the others the operation was over before. */
  effective: number;
  /** Requests that were acknowledged while things failed. */
  acknowledged: number;
  /** Facts that follow from what was acknowledged, and were read back afterwards: all of them held unless there are failures. */
  kept: number;
  /** What did not hold. */
  failures: number;
}

interface Row {
  readonly operation: string;
  readonly fault: string;
  readonly medium: string;
  readonly tally: Tally;
}

const HEAD = ["operation", "fault", "medium", "points", "effective", "acknowledged", "kept", "failures"] as const;

/** Counts by operation, fault and medium. */
export class Table {
  readonly #rows = new Map<string, Row>();

  /** The numbers of a row, to be added to. */
  row(operation: string, fault: string, medium: string): Tally {
    const key = [operation, fault, medium].join("\n");
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { operation, fault, medium, tally: { points: 0, effective: 0, acknowledged: 0, kept: 0, failures: 0 } };
      this.#rows.set(key, row);
    }
    return row.tally;
  }

  /** In Markdown, with a last line of sums; empty where nothing was tried. */
  toString(): string {
    const rows = [...this.#rows.values()];
    if (rows.length === 0) return "";
    const sum = (key: keyof Tally): number => rows.reduce((total, { tally }) => total + tally[key], 0);
    const numbers = (of: (key: keyof Tally) => number): string[] =>
      (["points", "effective", "acknowledged", "kept", "failures"] as const).map((key) =>
        of(key).toLocaleString("en-US"),
      );
    const cells = [
      [...HEAD],
      HEAD.map((_, at) => (at < 3 ? "---" : "---:")),
      ...rows.map(({ operation, fault, medium, tally }) => [operation, fault, medium, ...numbers((key) => tally[key])]),
      ["all", "", "", ...numbers(sum)],
    ];
    const widths = HEAD.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
    const line = (row: readonly string[]): string =>
      `| ${row.map((cell, at) => (at < 3 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(" | ")} |`;
    return cells.map(line).join("\n");
  }
}
