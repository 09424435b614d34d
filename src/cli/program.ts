import {
  Argument as CommanderArgument,
  Command as CommanderCommand,
  CommanderError,
  Option as CommanderOption,
} from "commander";
import { OciError } from "../error/oci-error.ts";
import type { Command, RawValues } from "./command.ts";
import type { Argument, Option } from "./option.ts";
import { everywhere } from "./shared-options.ts";
import { groups, table } from "./table.ts";

/** What a command line says. */
export type Parsed =
  | { readonly kind: "run"; readonly args: RawValues; readonly options: RawValues }
  | { readonly kind: "help"; readonly text: string };

/** The command to run, loaded, with its words. */
export interface Chosen {
  readonly words: string;
  readonly command: Command;
}

function toOption(option: Option<unknown>): CommanderOption {
  const made = new CommanderOption(option.flags, option.about);
  if (option.choices) made.choices(option.choices);
  if (option.many) {
    // Without a default, which the help would show as [].
    made.argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
  }
  return made;
}

function toArgument(argument: Argument<unknown>): CommanderArgument {
  const { placeholder, form } = argument;
  const shown = `${placeholder}${argument.many ? "..." : ""}`;
  return new CommanderArgument(form === "optional" ? `[${shown}]` : `<${shown}>`, argument.about);
}

function examplesText(command: Command): string {
  const lines = command.examples.map(({ about, line }) => `  ${about}:\n    ${line}\n`);
  return `\nExamples:\n${lines.join("\n")}`;
}

/** Fills a leaf with what its command declares. */
function declare(leaf: CommanderCommand, command: Command, done: (parsed: Parsed) => void): void {
  if (command.about !== undefined) leaf.description(`${leaf.description()}\n\n${command.about}`);
  for (const argument of Object.values(command.arguments)) leaf.addArgument(toArgument(argument));
  const options = new Map<string, CommanderOption>();
  for (const [key, option] of [...Object.entries(command.options), ...Object.entries(everywhere)]) {
    const made = toOption(option);
    options.set(key, made);
    leaf.addOption(made);
  }
  leaf.addHelpText("after", examplesText(command));
  leaf.action(() => {
    const values: Readonly<Record<string, unknown>> = leaf.opts();
    done({
      kind: "run",
      args: Object.fromEntries(Object.keys(command.arguments).map((key, at) => [key, leaf.processedArgs[at]])),
      options: Object.fromEntries([...options].map(([key, made]) => [key, values[made.attributeName()]])),
    });
  });
}

function build(
  chosen: Chosen | undefined,
  write: (text: string) => void,
  done: (parsed: Parsed) => void,
): CommanderCommand {
  const program = new CommanderCommand("berth");
  const settle = (command: CommanderCommand): CommanderCommand =>
    command
      .exitOverride()
      .helpCommand(false)
      .helpOption("-h, --help", "show this help")
      .configureOutput({ writeOut: write, writeErr: write, outputError: () => undefined })
      .configureHelp({ showGlobalOptions: false });
  settle(program).description("Build, attach, prove and ship OCI images and everything that hangs on them.");
  program.option("-V, --version", "print the version");
  const parents = new Map<string, CommanderCommand>();
  // The other commands are only needed to say what there is.
  for (const entry of chosen ? table.filter(({ words }) => words === chosen.words) : table) {
    const [first = "", second] = entry.words.split(" ");
    let parent = program;
    if (second !== undefined) {
      parent = parents.get(first) ?? settle(program.command(first)).description(groups[first] ?? "");
      parents.set(first, parent);
    }
    const leaf = settle(parent.command(second ?? first)).description(entry.summary);
    if (chosen) declare(leaf, chosen.command, done);
  }
  program.addHelpText("after", "\nEvery command has --help with examples, --json, --format, --quiet and --progress.");
  return program;
}

/**
 * Parses a command line.
 * @throws OciError USAGE
 */
export function parse(argv: readonly string[], chosen: Chosen | undefined): Parsed {
  let parsed: Parsed | undefined;
  let written = "";
  const program = build(
    chosen,
    (text) => {
      written += text;
    },
    (result) => {
      parsed = result;
    },
  );
  try {
    program.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // "commander.help" is the help shown because a subcommand is missing: that is a usage error.
    if (error.exitCode === 0) return { kind: "help", text: written };
    throw usageError(error, argv, chosen);
  }
  if (parsed) return parsed;
  throw new OciError("USAGE", "Expected a command", { hint: "See: berth --help" });
}

/** How other tools spell it; the rest of the word may be the password. */
const PASSWORD = /^error: unknown option '(?:-p(?!latform|lain|rogress)|--pass(?:word)?(?:[='])|--creds?(?:[=']))/;

function usageError(error: CommanderError, argv: readonly string[], chosen: Chosen | undefined): OciError {
  const [group = ""] = argv;
  const words = chosen?.words ?? (Object.hasOwn(groups, group) ? group : "");
  const hint = `See: berth ${words === "" ? "" : `${words} `}--help`;
  if (error.code === "commander.unknownOption" && PASSWORD.test(error.message) && chosen) {
    // Neither the message nor the cause: they have the word with the password in it.
    return new OciError("USAGE", "A password is not taken from the command line, where others can read it", {
      hint: "passwordStdin" in chosen.command.options ? 'Write: echo "$PASSWORD" | berth … --password-stdin' : hint,
    });
  }
  if (error.code === "commander.help") {
    return new OciError("USAGE", `Expected a command after ${JSON.stringify(`berth ${argv.join(" ")}`.trim())}`, {
      hint,
    });
  }
  const [first = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const message = first.charAt(0).toUpperCase() + first.slice(1).replace(/\.$/, "");
  const meant = suggestion === undefined ? "" : `${suggestion.replace(/^\((.*)\)$/, "$1")} `;
  return new OciError("USAGE", message, { hint: `${meant}${hint}`, cause: error });
}
