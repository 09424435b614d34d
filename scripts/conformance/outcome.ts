/** What the suite says of one API or one set of data. */
export interface Verdict {
  readonly section: "apis" | "data";
  readonly name: string;
  readonly status: string;
}

/** How many checks ended how. */
export interface Counts {
  readonly total: number;
  readonly pass: number;
  readonly skip: number;
  readonly disabled: number;
  readonly fail: number;
  readonly error: number;
}

export interface Outcome {
  readonly verdicts: readonly Verdict[];
  readonly counts: Counts;
}

/** Fewer checks than any whole run has: something ended before its time, which the suite itself does not tell. */
const FEWEST_CHECKS = 900;
const FEWEST_VERDICTS = 50;

/** Reads the two lists at the end of results.yaml: `apis:` and `data:`, one `name: status` a line. */
export function parseVerdicts(yaml: string): readonly Verdict[] {
  const verdicts: Verdict[] = [];
  let section = "";
  for (const line of yaml.split("\n")) {
    const [, head] = /^(\S+):/.exec(line) ?? [];
    if (head !== undefined) section = head;
    const [, name, status] = /^ {2}"?([^":]+)"?: (\w+)$/.exec(line) ?? [];
    if ((section === "apis" || section === "data") && name !== undefined && status !== undefined) {
      verdicts.push({ section, name, status });
    }
  }
  return verdicts;
}

/** Reads the counts of its summary: `Pass....: 1032`. */
export function parseCounts(printed: string): Counts {
  const count = (name: string): number =>
    Number(new RegExp(`^ +${name}\\.*: +(\\d+)$`, "m").exec(printed)?.[1] ?? "-1");
  return {
    total: count("Total"),
    pass: count("Pass"),
    skip: count("Skip"),
    disabled: count("Disabled"),
    fail: count("FAIL"),
    error: count("Error"),
  };
}

/** What is wrong with a run in which everything has to pass but what was switched off. */
export function complaints({ verdicts, counts }: Outcome, disabled: readonly string[]): readonly string[] {
  const wrong = verdicts
    .filter(({ name, status }) => status !== (disabled.includes(name) ? "Disabled" : "Pass"))
    .map(({ name, status }) => `${name}: ${status}`);
  if (verdicts.length < FEWEST_VERDICTS) wrong.push(`results.yaml speaks of ${verdicts.length} things only`);
  if (counts.total < FEWEST_CHECKS) wrong.push(`Only ${counts.total} checks ran`);
  if (counts.fail !== 0 || counts.error !== 0 || counts.skip !== 0) {
    wrong.push(`${counts.fail} FAIL, ${counts.error} Error, ${counts.skip} Skip`);
  }
  if (counts.disabled > 0 && disabled.length === 0) wrong.push(`${counts.disabled} Disabled`);
  return wrong;
}
