import { describeOpened, resolveOpened } from "../../../open/opened.ts";
import { parseTag } from "../../../spec/name.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import { required, variadic } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about: "Points tags at a manifest that is there already, in one step. A tag that exists moves.",
  arguments: {
    source: required("SOURCE", "the manifest, by tag or digest"),
    tags: variadic("TAG", "tags to add"),
  },
  options: { ...connection, dryRun },
  examples: [
    { about: "Give a release its short names", line: "berth tag add ghcr.io/org/app:1.4.2 1.4 1 latest" },
    {
      about: "Name a manifest of a layout that has only a digest",
      line: "berth tag add ocidir://images@$(berth digest ocidir://images:v1) stable",
    },
  ],
  writes: true,
  async run({ source, tags }, options, context) {
    const { signal, out } = context;
    const names = [...new Set(tags.map(parseTag))];
    await using opened = await openLocated(source, "write", options, context);
    const descriptor = await resolveOpened(opened, { signal });
    const result = { digest: descriptor.digest, tags: names };
    if (options.dryRun) {
      out.result({ dryRun: true, ...result }, [
        `Would point ${names.join(", ")} at ${descriptor.digest} in ${describeOpened(opened)}`,
      ]);
      return;
    }
    await opened.store.update(
      names.map((tag) => ({ tag, to: descriptor })),
      { signal },
    );
    out.result(result, [descriptor.digest]);
  },
});
