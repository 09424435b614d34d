import { type Command, defineCommand } from "../../command.ts";
import { connection } from "../../connection.ts";
import { openHoldings } from "../../holdings.ts";
import { integer, list, required, text } from "../../option.ts";

export const command: Command = defineCommand({
  about:
    "Prints the repositories in ASCII order, one a line: of a registry that has a catalog (many public ones have none), or of a folder of layouts such as the one that berth serve keeps.",
  arguments: {
    source: required("SOURCE", "host[:port], with a prefix of names after a slash or without, or a folder"),
  },
  options: {
    ...connection,
    include: list("--include <regex>", "only names that match as a whole (may be repeated: one of them)"),
    exclude: list("--exclude <regex>", "no names that match as a whole (may be repeated)"),
    last: text("--last <name>", "only what sorts after this"),
    limit: integer("--limit <n>", "at most so many", 1, 100_000_000),
  },
  examples: [
    { about: "All repositories of a registry", line: "berth repo ls localhost:5000" },
    { about: "Those of a folder of layouts below org", line: 'berth repo ls ./registry --include "org/.*"' },
  ],
  async run({ source }, options, context) {
    const { signal, out } = context;
    const { last, include, exclude, limit = Number.POSITIVE_INFINITY } = options;
    const { createTagFilter } = await import("../../../transfer/tag-filter.ts");
    const wanted = await createTagFilter({ include, exclude });
    const { registry, prefix } = await openHoldings(source, options, context);
    await using _open = registry;
    const repositories: string[] = [];
    let count = 0;
    for await (const name of registry.repositories({
      signal,
      prefix,
      ...(last === undefined ? {} : { after: last }),
    })) {
      if (!wanted(name)) continue;
      count += 1;
      if (out.json) repositories.push(name);
      else await out.line(name);
      signal.throwIfAborted();
      if (count >= limit) break;
    }
    if (out.json) out.result({ repositories }, []);
  },
});
