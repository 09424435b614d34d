/** A text in which `*` stands for anything. */
export interface TextPattern {
  readonly text: string;
  matches(value: string): boolean;
}

/** Reads a pattern: `*` stands for any characters, also none; all else for itself. Takes time in line with the text's length. */
export function parseTextPattern(text: string): TextPattern {
  const parts = text.split("*");
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  const between = parts.slice(1, -1);
  return {
    text,
    matches(value) {
      if (parts.length === 1) return value === text;
      if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false;
      const end = value.length - last.length;
      let at = first.length;
      for (const part of between) {
        const found = value.indexOf(part, at);
        if (found === -1 || found + part.length > end) return false;
        at = found + part.length;
      }
      return true;
    },
  };
}

export function matchesAny(patterns: readonly TextPattern[], value: string): boolean {
  return patterns.some((pattern) => pattern.matches(value));
}
