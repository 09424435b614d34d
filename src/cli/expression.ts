import { compile, isRegistered, type JSONValue, TreeInterpreter } from "@jmespath-community/jmespath";
import { OciError } from "../error/oci-error.ts";

/** Writes a result as an expression asks for it: text that ends with a line break, or nothing. */
export type Formatter = (value: unknown) => string;

const HINT = "JMESPath, over what --json prints: https://jmespath.site; for example --format digest";

/** Longer is no expression that somebody wrote. */
const MAX_EXPRESSION = 4096;

/**
 * Reads the JMESPath expression of --format, before anything is done. A text prints as it is, a list of texts one
 * a line, anything else as JSON; what is not there prints nothing, as does an empty list.
 * @throws OciError USAGE where it is no expression; the formatter where its functions do not fit the result
 */
export function parseFormat(expression: string, indent: number): Formatter {
  if (expression.length > MAX_EXPRESSION) {
    throw new OciError("USAGE", `--format has ${expression.length} characters, at most ${MAX_EXPRESSION} are taken`);
  }
  const wrong = (cause: unknown): OciError => {
    const reason = cause instanceof Error ? `: ${cause.message}` : "";
    return new OciError("USAGE", `Cannot use --format ${JSON.stringify(expression)}${reason.replace(/\.$/, "")}`, {
      cause,
      hint: HINT,
    });
  };
  const parsed = attempt(() => {
    const tree = compile(expression);
    requireFunctions(tree);
    return tree;
  }, wrong);
  return (value) => {
    // As a reader of --json sees it: without what is undefined.
    const document = value === undefined ? null : (JSON.parse(JSON.stringify(value)) as JSONValue);
    return write(
      attempt(() => TreeInterpreter.search(parsed, document), wrong),
      indent,
    );
  };
}

/** The library finds an unknown function only when it is called, which may be after the work is done. */
function requireFunctions(node: unknown): void {
  if (typeof node !== "object" || node === null) return;
  if ("type" in node && node.type === "Function" && "name" in node) {
    const { name } = node;
    if (typeof name !== "string" || !isRegistered(name)) throw new Error(`unknown function ${String(name)}()`);
  }
  for (const part of Object.values(node)) requireFunctions(part);
}

function attempt<T>(work: () => T, wrong: (cause: unknown) => OciError): T {
  try {
    return work();
  } catch (cause) {
    throw wrong(cause);
  }
}

function write(found: JSONValue, indent: number): string {
  if (found === null) return "";
  if (typeof found === "string") return `${found}\n`;
  if (Array.isArray(found) && found.every((each) => typeof each === "string")) {
    return found.map((each) => `${each}\n`).join("");
  }
  return `${JSON.stringify(found, undefined, indent)}\n`;
}
