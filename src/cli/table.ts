import type { Command } from "./command.ts";

/** One command as the root knows it, before it is loaded. */
export interface Entry {
  /** `tag ls` */
  readonly words: string;
  /** One line, no period. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

/** Every command, in the order of the help. */
export const table: readonly Entry[] = [
  {
    words: "version",
    summary: "Print the version of berth and of what it runs on",
    load: () => import("./commands/version.ts"),
  },
];

/** What the groups are about. */
export const groups: Readonly<Record<string, string>> = {
  image: "Create, change and inspect images",
  manifest: "Read, write and remove manifests",
  blob: "Read, write and remove blobs",
  tag: "List, add and remove tags",
  layout: "Make and check layout directories",
};
