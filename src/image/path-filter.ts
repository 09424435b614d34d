/** What a pattern means: `*` and `?` stay inside a folder, `**` crosses them, `[a-z]` is one of a set. */
function patternOf(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*\*\/?|\*|\?|\[!?[^\]]+\]|[^*?[]+|\[/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (part.startsWith("[") && part.length > 1) {
      return `[${part[1] === "!" ? "^" : ""}${part.slice(part[1] === "!" ? 2 : 1, -1).replaceAll(/[\\^]/g, String.raw`\$&`)}]`;
    }
    return part.replaceAll(/[\\^$.|+()[\]{}]/g, String.raw`\$&`);
  });
  return new RegExp(`^${source}$`, "s");
}

/**
 * Tells whether a path is asked for: it is one of the paths, or below one, or one of the patterns
 * fits it. No paths ask for everything.
 */
export function pathFilter(paths: readonly string[]): (file: { readonly path: string }) => boolean {
  const tests = paths.map((written) => {
    const path = `/${written
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/")}`;
    if (path === "/") return () => true;
    if (/[*?[]/.test(path)) {
      const pattern = patternOf(path);
      return (candidate: string) => pattern.test(candidate);
    }
    return (candidate: string) => candidate === path || candidate.startsWith(`${path}/`);
  });
  return ({ path }) => tests.length === 0 || tests.some((test) => test(path));
}
