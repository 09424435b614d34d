import { createContext, Script } from "node:vm";
import type { ASTNode, Environment } from "@marcbachmann/cel-js";
import type { JsonValue } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { patternProblem } from "./expression-pattern.ts";

/** What an expression may speak of, by name and type; docs/guide/trust.md describes each. */
const SHARED: Readonly<Record<string, string>> = {
  repository: "string",
  registry: "string",
  tags: "list<string>",
  now: "google.protobuf.Timestamp",
  index: "dyn",
};
const VARIABLES: Readonly<Record<ExpressionScope, Readonly<Record<string, string>>>> = {
  image: { ...SHARED, image: "dyn" },
  attestation: {
    ...SHARED,
    predicate: "dyn",
    predicateType: "string",
    statement: "dyn",
    signers: "list<string>",
    subject: "string",
  },
};

/** What an expression is about: an image, or a signed statement on it. */
export type ExpressionScope = "image" | "attestation";

/** A value for an expression: JSON, and moments. */
export type ExpressionValue = JsonValue | Date;

export type Outcome =
  | { readonly value: boolean }
  /** Why it has no value; it continues the sentence "It cannot be evaluated: …". */
  | { readonly problem: string };

/** A condition in CEL, parsed and type-checked. */
export interface Expression {
  readonly text: string;
  evaluate(variables: Readonly<Record<string, ExpressionValue>>): Outcome;
}

/**
 * Compiles a condition. Unknown names, wrong types and functions that do not exist are found here rather than
 * when an image is at stake.
 * @throws Error whose message says what is wrong
 */
export async function compileExpression(text: string, scope: ExpressionScope): Promise<Expression> {
  if (text.length > Limits.expression) {
    throw new Error(`it has ${text.length} characters, at most ${Limits.expression} are taken`);
  }
  const cel = await import("@marcbachmann/cel-js");
  const environment = new cel.Environment({ limits: { maxAstNodes: MOST_NODES, maxDepth: MOST_DEPTH } });
  for (const [name, type] of Object.entries(VARIABLES[scope])) environment.registerVariable(name, type);
  const parsed = parse(environment, text);
  const { valid, type, error } = parsed.check();
  if (!valid) throw new Error(firstLine(error));
  if (type !== "bool" && type !== "dyn") throw new Error(`it is a ${type ?? "value"}, expected a condition`);
  requirePatterns(parsed.ast);
  return {
    text,
    evaluate(variables) {
      const values = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, toCel(value)]));
      try {
        const value: unknown = withinTime(() => parsed(values));
        if (typeof value === "boolean") return { value };
        return { problem: "its value is neither true nor false" };
      } catch (cause) {
        return { problem: firstLine(cause) };
      }
    },
  };
}

/** A policy's author writes no more; the parser and evaluator recurse over them. */
const MOST_NODES = 1000;
const MOST_DEPTH = 64;

function parse(environment: Environment, text: string): ReturnType<Environment["parse"]> {
  try {
    return environment.parse(text);
  } catch (cause) {
    // A stack that overflows is one of them.
    throw new Error(firstLine(cause), { cause });
  }
}

function firstLine(cause: unknown): string {
  // What the watchdog throws is an Error of another realm.
  const message = typeof cause === "object" && cause !== null && "message" in cause ? cause.message : undefined;
  const [line = ""] = (typeof message === "string" ? message : "it failed").split("\n");
  return line.slice(0, 300);
}

/** Patterns are looked at before they are used: CEL's are RE2's, the library's are JavaScript's. */
function requirePatterns(root: ASTNode): void {
  const open: unknown[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (Array.isArray(node)) {
      open.push(...(node as unknown[]));
    } else if (isNode(node)) {
      const pattern = node.op === "rcall" && node.args[0] === "matches" ? node.args[2][0] : undefined;
      if (pattern) {
        const problem = patternProblem(pattern.op === "value" ? pattern.args : undefined);
        if (problem !== undefined) throw new Error(problem);
      }
      open.push(node.args);
    }
  }
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}

const watched: { work?: () => unknown } = {};
const watchdog = { context: undefined as ReturnType<typeof createContext> | undefined };
const script: Script = new Script("run()");

/**
 * Runs work that may take as long as its author likes: macros inside macros, patterns that go back and forth. It is
 * ended from outside when its time is over.
 */
function withinTime<T>(work: () => T): T {
  watchdog.context ??= createContext({ run: () => watched.work?.() });
  watched.work = work;
  try {
    return script.runInContext(watchdog.context, { timeout: Limits.expressionTime }) as T;
  } finally {
    delete watched.work;
  }
}

/** Whole numbers are CEL's int, as they are for whoever writes `== 1`; objects lose what JavaScript gives them. */
function toCel(value: ExpressionValue): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(toCel);
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, each] of Object.entries(value)) object[key] = toCel(each as JsonValue);
  return object;
}
