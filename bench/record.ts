import { readFile, writeFile } from "node:fs/promises";
import { renderRow, renderVerdicts, type Row } from "./row.ts";

const BEGIN = "<!-- bench -->";
const END = "<!-- /bench -->";

/** Puts the tables between the marks of a Markdown file, in place of those before. */
export async function record(file: string, setting: string, rows: readonly Row[]): Promise<void> {
  const text = await readFile(file, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${file} has no ${BEGIN} … ${END}`);
  const parts = [BEGIN, `Measured ${setting}.`, renderVerdicts(rows), ...rows.map(renderRow), END];
  await writeFile(file, `${text.slice(0, begin)}${parts.join("\n\n")}${text.slice(end + END.length)}`);
}
