import { styleText } from "node:util";

type Name = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/**
 * Marks are Unicode noncharacters, opened by one of their own and closed by a common one. They
 * pass through escaping and become colours, or nothing, only where a line is written.
 */
const OPEN: Readonly<Record<Name, string>> = {
  bold: "\ufdd0",
  dim: "\ufdd1",
  red: "\ufdd2",
  green: "\ufdd3",
  yellow: "\ufdd4",
  cyan: "\ufdd5",
};
const CLOSE = "\ufdef";
const MARKED = /([\ufdd0-\ufdd5])([^\ufdd0-\ufdef]*)\ufdef/g;
const STRAY = /[\ufdd0-\ufdef]/g;
const NAMES: ReadonlyMap<string, Name> = new Map((Object.keys(OPEN) as Name[]).map((name) => [OPEN[name], name]));

function mark(name: Name): (text: string) => string {
  return (text) => `${OPEN[name]}${text.replaceAll(STRAY, "")}${CLOSE}`;
}

/** Colours for a line that goes through an Output; they do not nest. */
export const style: Readonly<Record<Name, (text: string) => string>> = {
  bold: mark("bold"),
  dim: mark("dim"),
  red: mark("red"),
  green: mark("green"),
  yellow: mark("yellow"),
  cyan: mark("cyan"),
};

/** Turns the marks of a line into colours, or drops them. */
export function renderStyle(line: string, color: boolean): string {
  if (!color) return line.replaceAll(STRAY, "");
  const painted = line.replaceAll(MARKED, (_all, open: string, text: string) => {
    const name = NAMES.get(open);
    return name === undefined ? text : styleText(name, text, { validateStream: false });
  });
  return painted.replaceAll(STRAY, "");
}

/** How wide a line is without its marks. */
export function plainLength(line: string): number {
  return line.replaceAll(STRAY, "").length;
}
