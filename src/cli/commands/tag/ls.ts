import { parseDigestTag } from "../../../spec/referrer.ts";
import type { Tag } from "../../../store/names.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { flag, integer, required, text } from "../../option.ts";

export const command: Command = defineCommand({
  about: "Prints the tags in ASCII order, one a line. A tag or digest in SOURCE is ignored.",
  arguments: { source: required("SOURCE", "a repository or layout") },
  options: {
    ...connection,
    after: text("--after <tag>", "only what sorts after this"),
    limit: integer("--limit <n>", "at most so many", 1, 100_000_000),
    digestTags: flag("--no-digest-tags", "leave out tags that speak of a digest: sha256-….sig and the like"),
  },
  examples: [
    { about: "All tags of a repository", line: "berth tag ls ghcr.io/org/app" },
    {
      about: "The first ten of a layout after v1, with their digests",
      line: "berth tag ls ./images --after v1 --limit 10 --json",
    },
  ],
  async run({ source }, options, context) {
    const { signal, out } = context;
    const { after, limit = Number.POSITIVE_INFINITY } = options;
    await using opened = await openLocated(source, "read", options, context);
    const page = {
      signal,
      ...(after === undefined ? {} : { after }),
      ...(options.limit === undefined || !options.digestTags ? {} : { limit }),
    };
    const tags: Tag[] = [];
    let count = 0;
    for await (const tag of opened.store.tags(page)) {
      if (!options.digestTags && parseDigestTag(tag.name)) continue;
      count += 1;
      if (out.json) tags.push(tag);
      else await out.line(tag.name);
      signal.throwIfAborted();
      if (count >= limit) break;
    }
    if (out.json) out.result({ tags: tags.map(({ name, descriptor }) => ({ name, digest: descriptor?.digest })) }, []);
  },
});
