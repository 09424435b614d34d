import type { Bytes } from "../bytes/bytes.ts";
import type { DescribedTable } from "./described-command.ts";
import type { Output, Sink } from "./output.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is reported while something runs: `type` says what; the known ones are drawn, all are passed on. */
export interface ProgressEvent {
  readonly type: string;
}

/** Work that is done in one step when a command succeeded. Disposing it drops what was not done. */
export interface Afterwards extends AsyncDisposable {
  finish(signal: AbortSignal): Promise<void>;
}

/** A command line that was read, ready to run. */
export interface CommandLine {
  /** `tag ls` */
  readonly name: string;
  readonly writes: boolean;
  /** Runs it in a world; one that writes only shows what it would do, where that is asked for. */
  run(context: Context, options: { readonly dryRun: boolean }): Promise<void>;
}

/** Everything a command gets from the world around it. */
export interface Context {
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  /** The home directory; undefined where there is none. */
  readonly home: string | undefined;
  /** Aborted by SIGINT and SIGTERM, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  /** Results. */
  readonly out: Output;
  /** Says something on stderr, unless --quiet. */
  note(text: string): void;
  /** Warns on stderr. */
  warn(text: string): void;
  /** Hands over what has to be finished after the command, and dropped when it failed. */
  afterwards(work: Afterwards): void;
  /** Standard error, for results of commands whose content takes standard output. */
  readonly stderr: Sink;
  /** Standard input. */
  stdin(): Bytes;
  /** From now on SIGHUP calls this instead of ending the program. */
  onHangup(listener: () => void): void;
  readonly onEvent: (event: ProgressEvent) => void;
  /** Reads another command line, without the berth. @throws OciError USAGE */
  readLine(words: readonly string[]): Promise<CommandLine>;
  /** Loads every command and says what it takes. */
  describeTable(): Promise<DescribedTable>;
}
