import type { DescribedOption, DescribedTable } from "./described-command.ts";
import type { Option } from "./option.ts";
import { everywhere } from "./shared-options.ts";
import { groups, table } from "./table.ts";

function describeOption(option: Option<unknown>): DescribedOption {
  return {
    names: option.flags.split(/[ ,]+/).filter((part) => part.startsWith("-")),
    about: option.about,
    takesValue: option.flags.includes("<"),
    takesFile: option.completes !== undefined,
    choices: option.choices ?? [],
  };
}

const help: DescribedOption = {
  names: ["-h", "--help"],
  about: "show this help",
  takesValue: false,
  takesFile: false,
  choices: [],
};

/** Loads every command and says what it takes. */
export async function describeTable(): Promise<DescribedTable> {
  const commands = await Promise.all(
    table.map(async ({ words, summary, load }) => {
      const { command } = await load();
      const options = [...Object.values(command.options), ...Object.values(everywhere)].map(describeOption);
      const choices = Object.values(command.arguments).flatMap((argument) => argument.choices ?? []);
      return { words, summary, options: [...options, help], choices };
    }),
  );
  return { commands, groups };
}
