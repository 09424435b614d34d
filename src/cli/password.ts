import { closeSync, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { OciError } from "../error/oci-error.ts";
import type { Context } from "./context.ts";

/** Where cosign takes it from, and so where scripts that used cosign have it. */
const VARIABLE = "COSIGN_PASSWORD";
const MAX_LENGTH = 1024;

/**
 * The password of a key: COSIGN_PASSWORD, which may be empty, else asked for on the terminal.
 * @param confirm ask twice: for a key that is made
 * @throws OciError USAGE where there is neither, INTERRUPTED
 */
export async function readPassword(context: Context, confirm = false): Promise<string> {
  const given = context.env[VARIABLE];
  if (given !== undefined) return given;
  const first = await ask("Password of the private key: ", context);
  if (confirm && (await ask("The same again: ", context)) !== first) {
    throw new OciError("USAGE", "The two passwords differ");
  }
  return first;
}

/** The terminal itself, so that a locator's `-` and redirections stay what they are. */
function openTerminal(): number {
  try {
    return openSync("/dev/tty", "r+");
  } catch (cause) {
    throw new OciError("USAGE", `Expected a password in ${VARIABLE}, and there is no terminal to ask on`, {
      cause,
      hint: `Set ${VARIABLE}; it may be empty`,
    });
  }
}

async function ask(question: string, { stderr, signal }: Context): Promise<string> {
  const descriptor = openTerminal();
  let terminal: ReadStream;
  try {
    terminal = new ReadStream(descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  try {
    terminal.setRawMode(true);
    await write(stderr, question);
    return await typed(terminal, signal);
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
    await write(stderr, "\n");
  }
}

function write(sink: Context["stderr"], text: string): Promise<void> {
  return new Promise((resolve) => sink.write(text, () => resolve()));
}

/** What is typed up to Enter, not shown. In raw mode nobody else makes sense of the control keys. */
async function typed(terminal: ReadStream, signal: AbortSignal): Promise<string> {
  const interrupted = new OciError("INTERRUPTED", "Interrupted while the password was asked for");
  const keys: string[] = [];
  const close = (): void => void terminal.destroy();
  signal.addEventListener("abort", close, { once: true });
  try {
    terminal.setEncoding("utf8");
    for await (const chunk of terminal) {
      for (const key of String(chunk)) {
        if (key === "\r" || key === "\n") return keys.join("");
        if (key === "\u0003" || key === "\u0004") throw interrupted;
        if (key === "\u007f" || key === "\b") keys.pop();
        else if (key >= " ") keys.push(key);
        if (keys.length > MAX_LENGTH)
          throw new OciError("USAGE", `The password is longer than ${MAX_LENGTH} characters`);
      }
    }
  } finally {
    signal.removeEventListener("abort", close);
  }
  signal.throwIfAborted();
  throw interrupted;
}
