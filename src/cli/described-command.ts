/** One command, as far as a shell's completion or a generated page has to know it. */
export interface DescribedCommand {
  /** `tag ls` */
  readonly words: string;
  readonly summary: string;
  readonly options: readonly DescribedOption[];
  /** What an argument may be, where that is a few words. */
  readonly choices: readonly string[];
}

export interface DescribedOption {
  /** `-o` and `--output`, as they are typed. */
  readonly names: readonly string[];
  readonly about: string;
  readonly takesValue: boolean;
  readonly takesFile: boolean;
  readonly choices: readonly string[];
}

/** Every command, and what its groups are about. */
export interface DescribedTable {
  readonly commands: readonly DescribedCommand[];
  readonly groups: Readonly<Record<string, string>>;
}
