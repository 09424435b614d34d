import { type Command, defineCommand } from "../command.ts";
import { oneOf } from "../option.ts";

export const command: Command = defineCommand({
  about: "Prints a script that teaches the shell every command and option of this version.",
  arguments: { shell: oneOf("SHELL", "bash, zsh or fish", ["bash", "zsh", "fish"]) },
  options: {},
  examples: [
    { about: "In ~/.bashrc", line: 'eval "$(berth completion bash)"' },
    { about: "For fish, once", line: "berth completion fish > ~/.config/fish/completions/berth.fish" },
  ],
  async run({ shell }, _options, context) {
    const { completionScript } = await import("../completion-script.ts");
    const script = completionScript(shell, await context.describeTable());
    if (context.out.json) context.out.result({ shell, script }, []);
    else await context.out.raw(script);
  },
});
