import type { Outcome } from "./outcome.ts";
import { COMMIT, MODULE, VERSION } from "./program.ts";

export interface Recorded {
  readonly name: string;
  readonly settings: string;
  readonly serve: string;
  readonly outcome: Outcome;
}

/** What the runs were made with. */
export interface Surroundings {
  readonly date: string;
  readonly berth: string;
  readonly node: string;
  readonly system: string;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The page of docs/ that tells of a set of runs; the first is the strict one. */
export function recordPage(runs: readonly Recorded[], { date, berth, node, system }: Surroundings): string {
  const counts = runs.map(({ name, outcome: { counts: c } }) => [
    name,
    c.total,
    c.pass,
    c.fail,
    c.error,
    c.skip,
    c.disabled,
  ]);
  const [strict] = runs;
  const list = (section: "apis" | "data"): string =>
    table(
      ["what", "result"],
      (strict?.outcome.verdicts ?? []).filter((v) => v.section === section).map(({ name, status }) => [name, status]),
    );
  return `# Conformance

Written by \`npm run conformance -- --record\` on ${date}: berth ${berth}, Node ${node}, ${system}.

The suite is the OCI distribution conformance program, \`${MODULE}\` at commit
[\`${COMMIT.slice(0, 7)}\`](https://github.com/opencontainers/distribution-spec/commit/${COMMIT})
(\`${VERSION}\`). Each run is made against a \`berth serve\` of an empty folder, and what counts is read from its
\`results.yaml\`.

${table(["run", "checks", "Pass", "FAIL", "Error", "Skip", "Disabled"], counts)}

${runs.map(({ name, settings, serve }) => `- **${name}**: \`${serve}\`, the suite with \`${settings}\`.`).join("\n")}

A manifest may name content that is not in its repository. Children of an index may be missing in any repository; a config
or a layer is required, unless \`--sparse\` sets validation to none for the repository. The strict run pushes such
manifests, so it needs the setting; the default run has nothing set, and leaves out that one set of data.

## The strict run, by API

${list("apis")}

## The strict run, by data

${list("data")}

## Repeat it

\`\`\`sh
npm run conformance
\`\`\`

needs Go 1.24 or newer and its module proxy. Where there is neither, it says so and ends without a result; a program built
elsewhere is named by \`OCI_CONFORMANCE\`, or lies on \`PATH\` as \`oci-conformance\`. The behaviours that the suite
looks at are tested by \`test/server\` as well, which needs nothing but Node.
`;
}
