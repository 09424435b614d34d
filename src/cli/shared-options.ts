import { choice, flag, integer, type Option, text } from "./option.ts";

/** Options that mean the same wherever they appear. */
export const dryRun: Option<boolean> = flag("--dry-run", "show what would be done and change nothing");

export const platform: Option<string | undefined> = text(
  "--platform <os/arch[/variant]>",
  "the one platform of an index to work on",
);

export const artifactType: Option<string | undefined> = text("--artifact-type <type>", "only artifacts of this type");

export const concurrency: Option<number | undefined> = integer(
  "--concurrency <n>",
  "how many transfers run at a time",
  1,
  64,
);

export const progressModes = ["auto", "tty", "json", "none"] as const;
export type ProgressMode = (typeof progressModes)[number];

/** On every command. */
export const everywhere: {
  readonly json: Option<boolean>;
  readonly format: Option<string | undefined>;
  readonly quiet: Option<boolean>;
  readonly progress: Option<ProgressMode | undefined>;
  readonly color: Option<boolean>;
  readonly debug: Option<boolean>;
} = {
  json: flag("--json", "print the result as JSON"),
  format: text("--format <expression>", "print what this JMESPath expression picks of the JSON"),
  quiet: flag("-q, --quiet", "print nothing but the result and errors"),
  progress: choice("--progress <mode>", "how to show progress on stderr", ["auto", "tty", "json", "none"]),
  color: flag("--no-color", "no colours (also: NO_COLOR in the environment)"),
  debug: flag("--debug", "show where an error came from"),
};
