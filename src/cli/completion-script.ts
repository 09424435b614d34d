import type { DescribedCommand, DescribedTable } from "./described-command.ts";

/** The script for one shell, made from the command table. */
export function completionScript(shell: "bash" | "zsh" | "fish", known: DescribedTable): string {
  if (shell === "bash") return bash(known);
  return shell === "zsh" ? zsh(known) : fish(known);
}

/** First words: commands of their own, and groups. */
function firstWords(commands: readonly DescribedCommand[]): readonly string[] {
  return [...new Set(commands.map(({ words }) => words.split(" ")[0] ?? words))];
}

function secondWords(commands: readonly DescribedCommand[], group: string): readonly DescribedCommand[] {
  return commands.filter(({ words }) => words.startsWith(`${group} `));
}

function lastWord(words: string): string {
  return words.slice(words.indexOf(" ") + 1);
}

function bash({ commands, groups }: DescribedTable): string {
  const first = firstWords(commands);
  const groupCases = first
    .filter((word) => Object.hasOwn(groups, word))
    .map(
      (group) =>
        `    ${group}) words="${secondWords(commands, group)
          .map(({ words }) => lastWord(words))
          .join(" ")}" ;;`,
    );
  const optionCases = commands.map(
    ({ words, options }) => `    "${words}") options="${options.flatMap(({ names }) => names).join(" ")}" ;;`,
  );
  const valueCases = commands.flatMap(({ words, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ names, choices, takesFile }) => {
        const values = choices.length > 0 ? `words="${choices.join(" ")}"` : takesFile ? "files=1" : "return";
        return `    ${names.map((name) => `"${words} ${name}"`).join("|")}) ${values} ;;`;
      }),
  );
  const argumentCases = commands
    .filter(({ choices }) => choices.length > 0)
    .map(({ words, choices }) => `    "${words}") words="${choices.join(" ")}" ;;`);
  return `# bash completion for berth
_berth() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}" words="" options="" files=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${first.join(" ")} help" -- "$current"))
    return
  fi
  case "$command" in
${groupCases.join("\n")}
  esac
  if [ -n "$words" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "$words" -- "$current"))
      return
    fi
    command="$command \${COMP_WORDS[2]}"
    words=""
  fi
  case "$command $previous" in
${valueCases.join("\n")}
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case "$command" in
${optionCases.join("\n")}
  esac
  if [ -z "$files" ] && [ "\${current#-}" != "$current" ]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
    return
  fi
  case "$command" in
${argumentCases.join("\n")}
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _berth berth
`;
}

/** Inside single quotes, in either shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function zsh({ commands, groups }: DescribedTable): string {
  const describe = (known: readonly (readonly [string, string])[]): string =>
    known.map(([name, about]) => quoted(`${name}:${about.replaceAll(":", "\\:")}`)).join(" ");
  const first = firstWords(commands).map((word): [string, string] => [
    word,
    groups[word] ?? commands.find(({ words }) => words === word)?.summary ?? "",
  ]);
  const groupCases = firstWords(commands)
    .filter((word) => Object.hasOwn(groups, word))
    .map((group) => {
      const second = secondWords(commands, group).map(({ words, summary }): [string, string] => [
        lastWord(words),
        summary,
      ]);
      return `    ${group}) known=(${describe(second)}) ;;`;
    });
  const cases = commands.map(({ words, options, choices: values }) => {
    const specs = options.flatMap(({ names, about, takesValue, takesFile, choices }) => {
      const text = about.replaceAll(/[[\]:]/g, "\\$&");
      const other = takesValue ? `:value:${takesFile ? "_files" : ""}` : "";
      const value = choices.length > 0 ? `:value:(${choices.join(" ")})` : other;
      return names.map((name) => quoted(`*${name}[${text}]${value}`));
    });
    return `    ${quoted(words)}) _arguments ${specs.join(" ")} ${quoted(values.length > 0 ? `1:argument:(${values.join(" ")})` : "*:argument:_files")} ;;`;
  });
  return `#compdef berth
_berth() {
  local -a known
  local command="\${words[2]}"
  if (( CURRENT == 2 )); then
    known=(${describe(first)})
    _describe command known
    return
  fi
  case "$command" in
${groupCases.join("\n")}
  esac
  if (( \${#known} )); then
    if (( CURRENT == 3 )); then
      _describe command known
      return
    fi
    command="$command \${words[3]}"
    words=("\${words[2,-1]}")
    (( CURRENT-- ))
  fi
  words=("\${words[2,-1]}")
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_berth" ]; then _berth "$@"; else compdef _berth berth; fi
`;
}

function fish({ commands, groups }: DescribedTable): string {
  const lines = ["# fish completion for berth", "complete -c berth -e"];
  const first = firstWords(commands);
  for (const word of first) {
    const about = groups[word] ?? commands.find(({ words }) => words === word)?.summary ?? "";
    lines.push(`complete -c berth -n __fish_use_subcommand -f -a ${word} -d ${quoted(about)}`);
  }
  for (const { words, summary, options, choices } of commands) {
    const [group = "", second] = words.split(" ");
    if (second !== undefined) {
      const others = secondWords(commands, group).map((known) => lastWord(known.words));
      const condition = `__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${others.join(" ")}`;
      lines.push(`complete -c berth -n ${quoted(condition)} -f -a ${second} -d ${quoted(summary)}`);
    }
    const seen = words.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
    if (choices.length > 0) {
      lines.push(
        `complete -c berth -n ${quoted(`__fish_seen_subcommand_from ${words}`)} -f -a ${quoted(choices.join(" "))}`,
      );
    }
    for (const { names, about, takesValue, choices: values } of options) {
      const short = names.filter((name) => !name.startsWith("--")).map((name) => `-s ${name.slice(1)}`);
      const long = names.filter((name) => name.startsWith("--")).map((name) => `-l ${name.slice(2)}`);
      const value = takesValue ? (values.length > 0 ? `-x -a ${quoted(values.join(" "))}` : "-r") : "";
      const parts = [
        "complete -c berth -n",
        quoted(seen.join("; and ")),
        ...short,
        ...long,
        value,
        "-d",
        quoted(about),
      ];
      lines.push(parts.filter((part) => part !== "").join(" "));
    }
  }
  return `${lines.join("\n")}\n`;
}
