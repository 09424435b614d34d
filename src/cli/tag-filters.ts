import type { TagFilter } from "../transfer/tag-filter.ts";
import { list, type Option, type OptionValues, text } from "./option.ts";

/** Options of every command that works on many tags: spread it into `options`. */
export const tagFilters: {
  readonly include: Option<readonly string[]>;
  readonly exclude: Option<readonly string[]>;
  readonly semver: Option<string | undefined>;
} = {
  include: list("--include <regex>", "only tags that match as a whole (may be repeated: one of them)"),
  exclude: list("--exclude <regex>", "no tags that match as a whole (may be repeated)"),
  semver: text("--semver <range>", "only versions in this range, as ^1.2 or >=2 <4"),
};

/** @throws OciError USAGE for what is no regular expression or no range */
export async function readTagFilter(options: OptionValues<typeof tagFilters>): Promise<TagFilter> {
  const { createTagFilter } = await import("../transfer/tag-filter.ts");
  const { include, exclude, semver } = options;
  return createTagFilter({ include, exclude, ...(semver === undefined ? {} : { semver }) });
}
