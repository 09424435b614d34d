import { OciError } from "../error/oci-error.ts";
import { shownJson } from "../spec/json.ts";

/** A value of a policy file, and where it stands. */
export interface Located {
  readonly line: number;
  /** The file, for messages. */
  readonly file: string;
  readonly value: null | boolean | number | string | readonly Located[] | ReadonlyMap<string, Located>;
}

/** Aliases that a file may use; more could blow a small file up to any size. */
const MOST_ALIASES = 100;

/** The error of a policy that is not what it should be. */
export function wrong({ file, line }: Pick<Located, "file" | "line">, problem: string): OciError {
  return new OciError("FILE_INVALID", `Invalid policy ${file}, line ${line}: ${problem}`, {
    hint: "Check a policy with: berth policy check FILE",
  });
}

/**
 * Reads YAML: plain data with the lines that it stands on. No tags, no keys twice.
 * @throws OciError FILE_INVALID
 */
export async function parseLocated(text: string, file: string): Promise<Located> {
  const { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } = await import("yaml");
  type Parsed = ReturnType<typeof parseDocument>["contents"];
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, strict: true, uniqueKeys: true, merge: false });
  const lineAt = (offset: number | undefined): number => counter.linePos(offset ?? 0).line;
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    const [message = ""] = problem.message.split(/ at line \d+/);
    throw wrong({ file, line: lineAt(problem.pos[0]) }, message);
  }
  let aliases = 0;
  const locate = (node: Parsed | undefined, outer: number): Located => {
    const line = node?.range ? lineAt(node.range[0]) : outer;
    const here = { file, line };
    if (isAlias(node)) {
      aliases += 1;
      if (aliases > MOST_ALIASES) throw wrong(here, `more than ${MOST_ALIASES} aliases`);
      return locate(node.resolve(document), line);
    }
    if (isSeq(node)) return { ...here, value: node.items.map((item) => locate(item as Parsed, line)) };
    if (isMap(node)) {
      const entries = new Map<string, Located>();
      for (const { key, value } of node.items) {
        const name: unknown = isScalar(key) ? key.value : undefined;
        if (typeof name !== "string") throw wrong(here, `the key ${shownJson(name ?? null)} must be a text`);
        entries.set(name, locate(value as Parsed, isScalar(key) && key.range ? lineAt(key.range[0]) : line));
      }
      return { ...here, value: entries };
    }
    const value: unknown = isScalar(node) ? node.value : null;
    if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number") {
      return { ...here, value };
    }
    throw wrong(here, "expected plain data");
  };
  return locate(document.contents, 1);
}
