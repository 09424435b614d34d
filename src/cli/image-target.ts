import { OciError } from "../error/oci-error.ts";
import { describeOpened, type Opened } from "../open/opened.ts";
import { DEFAULT_TAG } from "../spec/reference.ts";

/**
 * The tags that a new image gets at its target: what it makes has a digest of its own, so
 * only a tag can be asked for.
 * @throws OciError LOCATOR_INVALID
 */
export function newImageTags(opened: Opened): readonly string[] {
  if (opened.digest !== undefined) {
    throw new OciError("LOCATOR_INVALID", `Expected a tag, not a digest, in ${describeOpened(opened)}`, {
      hint: "The digest follows from the content; leave it out",
    });
  }
  if (opened.tag !== undefined) return [opened.tag];
  return opened.locator.medium === "registry" ? [DEFAULT_TAG] : [];
}
