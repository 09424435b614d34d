import { closeSync, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { OciError } from "../error/oci-error.ts";
import type { Context } from "./context.ts";

const MAX_LENGTH = 1024;

export interface QuestionOptions {
  /** What is asked for, in messages: "password". */
  readonly what: string;
  /** Shows what is typed. */
  readonly shown?: boolean;
}

/** Asks one question and gives what is typed up to Enter. */
export type Ask = (question: string, options: QuestionOptions) => Promise<string>;

/**
 * Asks on the terminal itself, so that a locator's `-` and redirections stay what they are.
 * @param absent the error where there is no terminal
 * @throws OciError USAGE for an answer that is too long, INTERRUPTED
 */
export async function onTerminal<T>(
  context: Context,
  absent: (cause: unknown) => OciError,
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  const terminal = openTerminal(absent);
  const { signal, stderr } = context;
  const close = (): void => void terminal.destroy();
  signal.addEventListener("abort", close, { once: true });
  try {
    terminal.setRawMode(true);
    const keys = keysOf(terminal);
    return await work(async (question, { what, shown = false }) => {
      await write(stderr, question);
      try {
        return await typed(keys, what, async (text) => (shown ? write(stderr, text) : undefined));
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        await write(stderr, "\n");
      }
    });
  } finally {
    signal.removeEventListener("abort", close);
    if (!terminal.destroyed) terminal.setRawMode(false);
    terminal.destroy();
  }
}

function openTerminal(absent: (cause: unknown) => OciError): ReadStream {
  let descriptor: number;
  try {
    descriptor = openSync("/dev/tty", "r+");
  } catch (cause) {
    throw absent(cause);
  }
  try {
    return new ReadStream(descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** One by one, so that what was typed ahead answers the next question. */
async function* keysOf(terminal: ReadStream): AsyncGenerator<string, void, undefined> {
  terminal.setEncoding("utf8");
  for await (const chunk of terminal) yield* String(chunk);
}

function write(sink: Context["stderr"], text: string): Promise<void> {
  return new Promise((resolve) => sink.write(text, () => resolve()));
}

/** In raw mode nobody else makes sense of the control keys. */
async function typed(
  keys: AsyncGenerator<string, void, undefined>,
  what: string,
  echo: (text: string) => Promise<void>,
): Promise<string> {
  const answer: string[] = [];
  for (;;) {
    const { value: key, done } = await keys.next();
    if (done || key === "\u0003" || key === "\u0004") {
      throw new OciError("INTERRUPTED", `Interrupted while the ${what} was asked for`);
    }
    if (key === "\r" || key === "\n") return answer.join("");
    if (key === "\u007f" || key === "\b") {
      if (answer.pop() !== undefined) await echo("\b \b");
    } else if (key >= " ") {
      answer.push(key);
      await echo(key);
    }
    if (answer.length > MAX_LENGTH) {
      throw new OciError("USAGE", `The ${what} is longer than ${MAX_LENGTH} characters`);
    }
  }
}
