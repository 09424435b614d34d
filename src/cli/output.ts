import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { escapeLine } from "./escape.ts";
import { renderStyle } from "./style.ts";

/** The part of a writable stream that output needs. */
export interface Sink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(chunk: string | Uint8Array, done: (error?: Error | null) => void): boolean;
}

export interface OutputOptions {
  readonly json: boolean;
  /** Results without commentary. */
  readonly quiet?: boolean;
  readonly color: boolean;
  /** Many write to it: no content can have it for itself. */
  readonly shared?: boolean;
  /** Writes the value instead of JSON: --format. */
  readonly format?: (value: unknown) => string;
  /** Called before something is written, to take a progress line away. */
  readonly before?: () => void;
}

/** Results, on standard output. Lines are escaped; bytes are not, except on a terminal. */
export class Output {
  /** A value is wanted, and no lines: with --json, and with --format, which takes its pick of it. */
  readonly json: boolean;
  readonly quiet: boolean;
  readonly terminal: boolean;
  readonly #color: boolean;
  #sink: Sink;
  /** What was written while it is not certain that it will be true. */
  #held: (string | Uint8Array)[] | undefined;
  readonly #format: ((value: unknown) => string) | undefined;
  readonly #before: (() => void) | undefined;
  readonly #shared: boolean;

  constructor(sink: Sink, options: OutputOptions) {
    this.#sink = sink;
    this.json = options.json || options.format !== undefined;
    this.#format = options.format;
    this.quiet = options.quiet ?? false;
    this.terminal = sink.isTTY === true;
    this.#color = options.color;
    this.#before = options.before;
    this.#shared = options.shared ?? false;
  }

  /**
   * Prints the value as one JSON document with --json (on one line, except on a terminal), what --format picks of it,
   * and the lines without either.
   * @param key what remains of the lines with --quiet; all of them, when absent
   */
  result(value: unknown, lines: readonly string[] | (() => readonly string[]), key?: readonly string[]): void {
    if (this.#format) {
      const text = this.#format(value);
      if (text !== "") void this.#write(visibleText(text));
      return;
    }
    if (this.json) {
      // `\u009b` is how JSON writes it as well, so the document stays valid.
      void this.#write(`${visibleText(JSON.stringify(value, undefined, this.terminal ? 2 : 0))}\n`);
      return;
    }
    const told = this.quiet && key ? key : lines;
    const shown = typeof told === "function" ? told() : told;
    if (shown.length > 0) void this.#write(shown.map((line) => `${this.#render(line)}\n`).join(""));
  }

  /** Prints one line at once, for lists and servers; resolves when it is written. */
  async line(text: string): Promise<void> {
    await this.#write(`${this.#render(text)}\n`);
  }

  /** Prints a text that berth made whole, such as a script or a help page, as it is. */
  async raw(text: string): Promise<void> {
    await this.#write(text);
  }

  /** Writes content as it is, waiting for a slow reader; on a terminal its controls are made visible. */
  async bytes(bytes: Bytes): Promise<void> {
    if (!this.terminal) {
      for await (const chunk of bytes) await this.#write(chunk);
      return;
    }
    const decoder = new TextDecoder();
    for await (const chunk of bytes) await this.#write(visibleText(decoder.decode(chunk, { stream: true })));
    await this.#write(visibleText(decoder.decode()));
  }

  /** Keeps back what is written from now on, until it is released. */
  hold(): void {
    this.#held ??= [];
  }

  async release(): Promise<void> {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) await this.#write(chunk);
  }

  /** Gives what was kept back up. */
  drop(): void {
    this.#held = undefined;
  }

  /**
   * Takes standard output for content alone: results go to another stream from now on.
   * @throws OciError USAGE where it is a terminal, or that of many jobs
   */
  divert(sink: Sink): (bytes: Bytes) => Promise<void> {
    if (this.#shared) throw new OciError("USAGE", "Standard output belongs to none of many jobs");
    if (this.terminal) {
      throw new OciError("USAGE", "An archive is not for a terminal: send standard output to a file or a program");
    }
    const stdout = this.#sink;
    this.#sink = sink;
    return async (bytes) => {
      this.#before?.();
      for await (const chunk of bytes) await send(stdout, chunk);
    };
  }

  #render(line: string): string {
    return renderStyle(escapeLine(line), this.#color);
  }

  async #write(chunk: string | Uint8Array): Promise<void> {
    if (this.#held) {
      this.#held.push(chunk);
      return;
    }
    this.#before?.();
    await send(this.#sink, chunk);
  }
}

function send(sink: Sink, chunk: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    // A failed write reaches the stream's error event, which ends the program.
    sink.write(chunk, () => {
      resolve();
    });
  });
}

/** Keeps line breaks and tabs. */
function visibleText(text: string): string {
  return text.replaceAll(/[^\n\t]+/g, escapeLine);
}
