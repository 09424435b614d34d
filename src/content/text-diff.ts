import { OciError } from "../error/oci-error.ts";

/** A text with the name that a diff gives it. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** Lines that may differ; finding the shortest difference of more takes minutes. */
const MAX_EDITS = 20_000;

/**
 * The unified diff of two texts; empty where they are equal.
 * @param context equal lines around each difference
 * @throws OciError LIMIT_EXCEEDED
 */
export async function textDiff(one: NamedText, other: NamedText, context = 3): Promise<string> {
  if (one.text === other.text) return "";
  // Loaded only where something differs: start-up counts.
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  const patch = createTwoFilesPatch(one.name, other.name, one.text, other.text, undefined, undefined, {
    context,
    headerOptions: FILE_HEADERS_ONLY,
    maxEditLength: MAX_EDITS,
  });
  if (patch !== undefined) return patch;
  throw new OciError("LIMIT_EXCEEDED", `${one.name} and ${other.name} differ in more than ${MAX_EDITS} lines`, {
    hint: "Write both to files and compare those",
  });
}

/** A JSON document as it is compared: keys in their order, a line each. */
export function prettyJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
