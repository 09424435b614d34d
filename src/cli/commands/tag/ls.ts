import { parseDigestTag } from "../../../spec/referrer.ts";
import type { Tag } from "../../../store/names.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { flag, integer, required, text } from "../../option.ts";
import { readTagFilter, tagFilters } from "../../tag-filters.ts";

export const command: Command = defineCommand({
  about:
    "Prints the tags in ASCII order, one a line. A tag or digest in SOURCE is ignored. Tags that speak of a digest (sha256-….sig and the like) are what copy and discover look after; they are left out unless asked for.",
  arguments: { source: required("SOURCE", "a repository or layout") },
  options: {
    ...connection,
    ...tagFilters,
    last: text("--last <tag>", "only what sorts after this"),
    limit: integer("--limit <n>", "at most so many", 1, 100_000_000),
    digestTags: flag("--digest-tags", "show digest tags too"),
  },
  examples: [
    { about: "All versions of a repository from 1.4 on", line: 'berth tag ls ghcr.io/org/app --semver ">=1.4"' },
    {
      about: "The first ten of a layout after v1, with their digests",
      line: "berth tag ls ./images --last v1 --limit 10 --json",
    },
  ],
  async run({ source }, options, context) {
    const { signal, out } = context;
    const { last, limit = Number.POSITIVE_INFINITY } = options;
    const wanted = await readTagFilter(options);
    await using opened = await openLocated(source, "read", options, context);
    const filtered = !options.digestTags || options.include.length + options.exclude.length > 0 || options.semver;
    const page = {
      signal,
      ...(last === undefined ? {} : { after: last }),
      ...(options.limit === undefined || filtered ? {} : { limit }),
    };
    const tags: Tag[] = [];
    let count = 0;
    for await (const tag of opened.store.tags(page)) {
      if ((!options.digestTags && parseDigestTag(tag.name)) || !wanted(tag.name)) continue;
      count += 1;
      if (out.json) tags.push(tag);
      else await out.line(tag.name);
      signal.throwIfAborted();
      if (count >= limit) break;
    }
    if (out.json) out.result({ tags: tags.map(({ name, descriptor }) => ({ name, digest: descriptor?.digest })) }, []);
  },
});
