import { flag, integer, type Option, text } from "./option.ts";

/** Options of every command that does many things. */
export const batchOptions: {
  readonly parallel: Option<number | undefined>;
  readonly continueOnError: Option<boolean>;
  readonly report: Option<string | undefined>;
} = {
  parallel: integer("--parallel <n>", "how many jobs run at a time (default: 4)", 1, 64),
  continueOnError: flag("--continue-on-error", "go on with the other jobs when one fails"),
  report: text("--report <file>", "write the report, as JSON, into a file too", "file"),
};
