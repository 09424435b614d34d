import { type Matrix, OPERATIONS } from "./matrix.ts";

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The page of docs/ that tells which clients did what. */
export function interopPage({ rows, missing }: Matrix, made: { readonly date: string; readonly with: string }): string {
  const body = rows.map(({ client, version, cells }) => [
    `${client} ${version}`,
    ...OPERATIONS.map((operation) => cells.get(operation) ?? "–"),
  ]);
  const absent = missing.map(({ client, missing: why }) => `- ${client}: ${why}`).join("\n");
  return `# Clients

Written by \`npm run interop -- --record\` on ${made.date}: ${made.with}.

What each client did, unmodified and without a special setting of the server, against a \`berth serve\` of an empty folder.
A cell names the client's own commands; everything in it ran, and what it brought about was looked at. A dash: the client
has no such command, or none that speaks to a registry.

${table(["client", ...OPERATIONS], body)}
${absent === "" ? "" : `\nNot there in this run:\n\n${absent}\n`}
umoci works on the layouts that the server keeps, beside it. cosign is there twice: version 2 keeps signatures under
tags (\`sha256-….sig\`), version 3 as referrers. Nothing here leaves the machine: cosign signs with a key pair and without a
transparency log, notation with a certificate made for the test.

\`\`\`sh
npm run interop
\`\`\`

repeats it with the clients that are on \`PATH\`, and names those that are not.
`;
}
