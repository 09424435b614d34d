import type { Bytes } from "../bytes/bytes.ts";
import { Exit } from "../error/code.ts";
import { OciError } from "../error/oci-error.ts";
import type { Command, RawValues } from "./command.ts";
import type { CommandLine, Context, Environment } from "./context.ts";
import { Ending } from "./ending.ts";
import { escapeLine } from "./escape.ts";
import { Output, type Sink } from "./output.ts";
import type { Progress } from "./progress.ts";
import { everywhere } from "./shared-options.ts";
import { renderStyle, style } from "./style.ts";
import { type Entry, table } from "./table.ts";

/** The world around a command line. */
export interface Shell {
  readonly env: Environment;
  readonly cwd: string;
  readonly home: string | undefined;
  readonly stdin: () => Bytes;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly signal: AbortSignal;
  /** The exit code of the signal that came, if one did. */
  readonly interrupted: () => number | undefined;
  /** From now on SIGHUP calls this instead of ending the program. */
  readonly onHangup: (listener: () => void) => void;
  /** Standard output failed, which has been told: what fails because of that is not told again. */
  readonly outputFailed: () => boolean;
}

/** The entry that a command line begins with, and the words after it. */
function choose(argv: readonly string[]): { entry: Entry; rest: readonly string[] } | undefined {
  for (const length of [2, 1]) {
    const words = argv.slice(0, length).join(" ");
    const entry = table.find((candidate) => candidate.words === words);
    if (entry && argv.length >= length) return { entry, rest: argv.slice(length) };
  }
  return undefined;
}

/** `help a b` and `--version` are other ways to write something that the table has. */
function normalise(argv: readonly string[]): readonly string[] {
  if (argv[0] === "help") return [...argv.slice(1), "--help"];
  if (argv[0] === "--version" || argv[0] === "-V") return ["version", ...argv.slice(1)];
  return argv.length === 0 ? ["--help"] : argv;
}

/** A line of words alone, or with --json, says everything without a parser: that start is the fast one. */
function isPlain(command: Command, rest: readonly string[]): boolean {
  return (
    rest.every((word) => word === "--json") &&
    Object.values(command.arguments).every((argument) => argument.form === "optional")
  );
}

function plainOptions(command: Command, rest: readonly string[]): RawValues {
  const options = Object.entries({ ...command.options, ...everywhere });
  const values = options.map(([key, option]): [string, unknown] => [
    key,
    option.flags.startsWith("--no-") || undefined,
  ]);
  return { ...Object.fromEntries(values), json: rest.length > 0 };
}

function wantsColor(sink: Sink, env: Environment, allowed: boolean): boolean {
  return sink.isTTY === true && allowed && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

const silent: Progress = { onEvent: () => undefined, clear: () => undefined };

/** Loaded only where there is something to draw. */
async function openProgress(mode: "tty" | "json" | "none", sink: Sink): Promise<Progress> {
  if (mode === "none") return silent;
  const { createProgress } = await import("./progress.ts");
  return createProgress(mode, sink);
}

/** A wrong expression is told before anything is done. */
async function readFormat(
  expression: string | undefined,
  stdout: Sink,
): Promise<((value: unknown) => string) | undefined> {
  if (expression === undefined) return undefined;
  const { parseFormat } = await import("./expression.ts");
  return parseFormat(expression, stdout.isTTY === true ? 2 : 0);
}

/** Reads a command line to its end, and runs nothing. */
async function readLine(words: readonly string[]): Promise<CommandLine> {
  const chosen = choose(words);
  if (!chosen) {
    throw new OciError("USAGE", `There is no command ${JSON.stringify(words[0]?.slice(0, 80) ?? "")}`, {
      hint: "See: berth --help",
    });
  }
  const { command } = await chosen.entry.load();
  const name = chosen.entry.words;
  const { parse } = await import("./program.ts");
  const parsed = parse(words, { words: name, command });
  if (parsed.kind === "help") throw new OciError("USAGE", `Expected something to do, got berth ${words.join(" ")}`);
  return {
    name,
    writes: command.writes,
    run: (context, { dryRun }) => {
      const options = dryRun && command.writes ? { ...parsed.options, dryRun: true } : parsed.options;
      return command.run(parsed.args, options, context);
    },
  };
}

/** Runs one command line and gives its exit code; everything that fails is reported here. */
export async function run(argv: readonly string[], shell: Shell): Promise<number> {
  const line = normalise(argv);
  const { stderr, env } = shell;
  let debug = line.includes("--debug");
  let progress = silent;
  let progressJson = false;
  let errorColor = wantsColor(stderr, env, !line.includes("--no-color"));
  const say = (text: string): void => {
    progress.clear();
    stderr.write(`${renderStyle(escapeLine(text), errorColor)}\n`, () => undefined);
  };

  try {
    const chosen = choose(line);
    const command = (await chosen?.entry.load())?.command;
    let args: RawValues = {};
    let options: RawValues;
    if (chosen && command && isPlain(command, chosen.rest)) {
      options = plainOptions(command, chosen.rest);
    } else {
      const { parse } = await import("./program.ts");
      const parsed = parse(line, chosen && command ? { words: chosen.entry.words, command } : undefined);
      if (parsed.kind === "help") {
        await new Output(shell.stdout, { json: false, color: false }).raw(parsed.text);
        return Exit.Ok;
      }
      ({ args, options } = parsed);
    }
    if (!command) return Exit.Usage;
    const quiet = everywhere.quiet.read(options["quiet"]);
    const allowed = everywhere.color.read(options["color"]);
    const mode = everywhere.progress.read(options["progress"]) ?? "auto";
    debug = everywhere.debug.read(options["debug"]);
    errorColor = wantsColor(stderr, env, allowed);
    progressJson = mode === "json" && !quiet;
    const drawn = mode === "auto" ? (stderr.isTTY === true ? "tty" : "none") : mode;
    const format = await readFormat(everywhere.format.read(options["format"]), shell.stdout);
    progress = await openProgress(quiet ? "none" : drawn, stderr);
    await using ending = new Ending();
    const context: Context = {
      env,
      cwd: shell.cwd,
      home: shell.home,
      signal: shell.signal,
      out: new Output(shell.stdout, {
        json: everywhere.json.read(options["json"]),
        ...(format === undefined ? {} : { format }),
        quiet,
        color: wantsColor(shell.stdout, env, allowed),
        before: () => {
          progress.clear();
        },
      }),
      note: (text) => {
        if (!quiet) say(text);
      },
      warn: (text) => {
        say(`${style.yellow("warning:")} ${text}`);
      },
      afterwards: (work) => ending.add(work),
      stderr,
      stdin: shell.stdin,
      onHangup: shell.onHangup,
      onEvent: progress.onEvent,
      readLine,
      describeTable: async () => {
        const { describeTable } = await import("./describe-table.ts");
        return describeTable();
      },
    };
    await ending.run(() => command.run(args, options, context), context);
    progress.clear();
    return Exit.Ok;
  } catch (error) {
    if (shell.outputFailed()) return Exit.Failed;
    const { reportError } = await import("./report.ts");
    const report = reportError(error, { debug, interrupted: shell.interrupted() });
    if (progressJson) stderr.write(`${JSON.stringify(report.event)}\n`, () => undefined);
    else for (const text of report.lines) say(text);
    return report.exit;
  }
}
