import { OciError } from "../error/oci-error.ts";

/** Which tags are meant; what is absent lets everything through. */
export interface TagFilterOptions {
  /** Regular expressions for the whole tag; one of them has to match. */
  readonly include?: readonly string[];
  /** Regular expressions for the whole tag; none of them may match, whatever else says yes. */
  readonly exclude?: readonly string[];
  /** A range of versions as npm writes them: `^1.2`, `>=2 <4 || 5.x`. */
  readonly semver?: string;
}

export type TagFilter = (tag: string) => boolean;

/** Longer is no filter that somebody wrote. */
const MAX_EXPRESSION = 1000;

/** `v1.2.3-rc.1`, `1.2`, and helm's `1.2.3_build` for a version with a plus, which no tag can hold. */
const VERSION = /^v?(\d+\.\d+)(\.\d+)?(-[0-9A-Za-z.-]+)?(?:_[0-9A-Za-z._-]+)?$/;

/**
 * Reads the filters of tags; all that are given have to agree. A tag is a version with or without a leading v, and with two
 * or three numbers (`1.2` counts as 1.2.0; a single number may be a date or a build). As in npm, a pre-release is in
 * a range only where the range names one of the same version.
 * @throws OciError USAGE for what is no regular expression or no range
 */
export async function createTagFilter(options: TagFilterOptions): Promise<TagFilter> {
  const include = (options.include ?? []).map((text) => parseExpression(text));
  const exclude = (options.exclude ?? []).map((text) => parseExpression(text));
  const inRange = options.semver === undefined ? undefined : await parseRange(options.semver);
  return (tag) =>
    (include.length === 0 || include.some((expression) => expression.test(tag))) &&
    !exclude.some((expression) => expression.test(tag)) &&
    (inRange === undefined || inRange(tag));
}

function parseExpression(text: string): RegExp {
  if (text.length > MAX_EXPRESSION) {
    throw new OciError("USAGE", `A filter of tags has ${text.length} characters, at most ${MAX_EXPRESSION} are taken`);
  }
  try {
    return new RegExp(`^(?:${text})$`, "u");
  } catch (cause) {
    throw new OciError(
      "USAGE",
      `Invalid filter ${JSON.stringify(text)}: expected a regular expression for the whole tag`,
      {
        cause,
        hint: 'For example: --include "v[0-9.]+" --exclude ".*-rc.*"',
      },
    );
  }
}

async function parseRange(text: string): Promise<TagFilter> {
  // Loaded only where a range is given: start-up counts.
  const { default: semver } = await import("semver");
  if (text.length > MAX_EXPRESSION || semver.validRange(text) === null) {
    throw new OciError("USAGE", `Invalid range of versions ${JSON.stringify(text.slice(0, 80))}`, {
      hint: 'For example: --semver "^1.2" or --semver ">=2.0 <4.0"',
    });
  }
  const range = new semver.Range(text);
  return (tag) => {
    const version = versionOf(tag);
    return version !== undefined && range.test(version);
  };
}

function versionOf(tag: string): string | undefined {
  const [, minor, patch, prerelease = ""] = VERSION.exec(tag) ?? [];
  return minor === undefined ? undefined : `${minor}${patch ?? ".0"}${prerelease}`;
}
