/**
 * Controls of C0, C1 and DEL; the bidirectional and invisible formatting characters that let
 * a name look like another; line and paragraph separators; lone surrogates; the byte order mark.
 */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- finding control characters is what it is for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function visible(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Makes every character of a line visible, so that text from outside cannot drive a terminal or forge a line. */
export function escapeLine(line: string): string {
  return line.replaceAll(UNSAFE, visible);
}
