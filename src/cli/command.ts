/**
 * How a command is written.
 *
 * 1. One file per command, at most 150 lines: `commands/tag/ls.ts` for `berth tag ls`.
 *    It exports `command` and does nothing when it is imported:
 *
 *        export const command: Command = defineCommand({
 *          about: "One paragraph: what it does, what it leaves alone.",
 *          arguments: { source: required("SOURCE", "the image"), files: variadic("FILE", "files to attach") },
 *          options: { ...connection, dryRun, title: text("--title <text>", "a title"), annotations: keyValues("-a, --annotation <key=value>", "…") },
 *          examples: [
 *            { about: "What the first one shows", line: "berth thing alpine:3.20" },
 *            { about: "And the second", line: "berth thing ocidir://images:v1 --json" },
 *          ],
 *          async run({ source, files }, options, context) {
 *            await using opened = await openLocated(source, "read", options, context);
 *            const descriptor = await resolveOpened(opened, { signal: context.signal });
 *            context.out.result({ digest: descriptor.digest }, [descriptor.digest]);
 *          },
 *        });
 *
 * 2. One line in `table.ts`: its words, its summary, how to import it. Nothing else of a command
 *    is loaded before it is the one to run; import heavy things inside `run`.
 * 3. Values are typed by the builders of `option.ts`: `flag`, `text`, `list`, `choice`, `integer`,
 *    `keyValues`; arguments by `required`, `optional`, `variadic` (one or more), `anyNumber`. Options that many share stand in
 *    `connection.ts` (spread `connection` wherever a locator is opened with `openLocated`, mode
 *    "read", "write" for what has to exist, "create") and `shared-options.ts`
 *    (`dryRun`, `platform`, `concurrency`, `artifactType`).
 *    Every command has --json, --format, --quiet, --progress, --no-color, --debug and --help without asking.
 * 4. A command that writes says `writes: true` and takes `dryRun`; a test holds it to that.
 * 5. Output: `context.out.result(value, lines, key)` prints the value with --json and the lines without.
 *    Lines that a script wants (a digest, a list, findings, a dry run's plan) are the result; "pushed
 *    a.txt", counts and totals are commentary. A command that prints both gives `key`, the result
 *    alone, and with --quiet nothing else is printed: `D=$(berth push -q …)` is the digest. Without
 *    `key` every line is the result. --quiet changes nothing about --json. --format takes its pick (JMESPath) of the
 *    value that --json would print, so `out.json` is true with it as well.
 *    `context.out.bytes(stream)` writes content as it is. Those go to stdout. `context.note(text)`
 *    (silent with --quiet) and `context.warn(text)` go to stderr. Control characters are escaped
 *    at the output, so text from outside needs no care; colours come from `style`, as
 *    `style.bold(text)`, and only reach a terminal that wants them.
 *    What a command changes in an archive is written in one step when `run` has returned, and its
 *    results are shown after that; when `run` throws, nothing of it is written.
 * 6. Errors: throw OciError; the table of src/error gives hint and exit code. A report that finds
 *    problems prints its result first and then throws CHECK_FAILED.
 * 7. Pass `context.signal` to everything that waits, `context.onEvent` to everything that reports.
 *    Environment, working directory and standard input come from the context, never from `process`.
 */
import type { Context } from "./context.ts";
import type { Arguments, ArgumentValues, Options, OptionValues } from "./option.ts";

export interface Example {
  readonly about: string;
  /** The whole command line, as one would type it. */
  readonly line: string;
}

/** What a command's file says about it. */
export interface CommandSpec<A extends Arguments, O extends Options> {
  /** One paragraph for the help, after the table's summary. */
  readonly about?: string;
  readonly arguments: A;
  readonly options: O;
  readonly examples: readonly [Example, Example, ...Example[]];
  /** It changes something, so it has to take `dryRun`. */
  readonly writes?: boolean;
  run(args: ArgumentValues<A>, options: OptionValues<O>, context: Context): Promise<void>;
}

/** A command with its value types erased: what the table loads and the program runs. */
export interface Command {
  readonly about?: string;
  readonly arguments: Arguments;
  readonly options: Options;
  readonly examples: readonly Example[];
  readonly writes: boolean;
  /** Reads the raw values (by the keys of `arguments` and `options`) and runs. */
  run(args: RawValues, options: RawValues, context: Context): Promise<void>;
}

export type RawValues = Readonly<Record<string, unknown>>;

function read<V>(readers: Readonly<Record<string, { read(raw: unknown): unknown }>>, raw: RawValues): V {
  const values = Object.entries(readers).map(([key, reader]) => [key, reader.read(raw[key])]);
  // The builders of option.ts gave each reader the type that the mapped types promise.
  return Object.fromEntries(values) as V;
}

/** Types a command's `run` by its arguments and options, and erases the types for the table. */
export function defineCommand<A extends Arguments, O extends Options>(spec: CommandSpec<A, O>): Command {
  return {
    ...(spec.about === undefined ? {} : { about: spec.about }),
    arguments: spec.arguments,
    options: spec.options,
    examples: spec.examples,
    writes: spec.writes ?? false,
    async run(args, options, context) {
      await spec.run(
        read<ArgumentValues<A>>(spec.arguments, args),
        read<OptionValues<O>>(spec.options, options),
        context,
      );
    },
  };
}
