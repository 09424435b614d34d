import type { TarEntryType } from "./entry.ts";

/** The first letter of an entry in a long listing, as ls has it. */
export const ENTRY_LETTERS: Readonly<Record<TarEntryType, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  hardlink: "h",
  "character-device": "c",
  "block-device": "b",
  fifo: "p",
  other: "?",
};
