import { appendFileSync, readFileSync } from "node:fs";

/** What people do with a registry, in the order of the matrix. */
export const OPERATIONS = ["push", "pull", "copy", "list", "delete", "attach", "discover", "sign", "verify"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** One line of a recorded run. */
export type Entry =
  | {
      readonly client: string;
      readonly version: string;
      readonly operation: Operation;
      /** The client's own commands, for a reader. */
      readonly commands: string;
    }
  | { readonly client: string; readonly missing: string };

/** Where a run that is to be recorded keeps its lines; tests in several processes write there. */
export const RECORD = "BERTH_INTEROP_RECORD";

/** Keeps what was seen to work, if this run is recorded. */
export function record(entry: Entry): void {
  const path = process.env[RECORD];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(entry)}\n`);
}

/** What one client did, by operation. */
export interface Row {
  readonly client: string;
  readonly version: string;
  readonly cells: ReadonlyMap<Operation, string>;
}

export interface Matrix {
  readonly rows: readonly Row[];
  readonly missing: readonly { readonly client: string; readonly missing: string }[];
}

/** Puts the lines of a recorded run together. */
export function readMatrix(path: string): Matrix {
  const rows = new Map<string, { version: string; cells: Map<Operation, Set<string>> }>();
  const missing = new Map<string, string>();
  for (const line of readFileSync(path, "utf8").split("\n").filter(Boolean)) {
    const entry = JSON.parse(line) as Entry;
    if ("missing" in entry) {
      missing.set(entry.client, entry.missing);
      continue;
    }
    const row = rows.get(entry.client) ?? { version: entry.version, cells: new Map<Operation, Set<string>>() };
    rows.set(entry.client, row);
    row.cells.set(entry.operation, (row.cells.get(entry.operation) ?? new Set()).add(entry.commands));
  }
  const byName = (left: { client: string }, right: { client: string }): number => (left.client < right.client ? -1 : 1);
  return {
    rows: [...rows]
      .map(([client, { version, cells }]) => ({
        client,
        version,
        cells: new Map([...cells].map(([operation, commands]) => [operation, [...commands].join(", ")])),
      }))
      .toSorted(byName),
    missing: [...missing].map(([client, why]) => ({ client, missing: why })).toSorted(byName),
  };
}
