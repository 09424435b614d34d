import { OciError } from "../error/oci-error.ts";

const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const MAX_REPOSITORY = 255;

/** distribution-spec, "Pulling manifests"; the length is checked before the expression sees the text. */
export function isRepositoryName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_REPOSITORY && REPOSITORY.test(text);
}

export function isTag(text: string): boolean {
  return text.length <= 128 && TAG.test(text);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** @throws OciError NAME_INVALID */
export function parseRepositoryName(text: string): string {
  if (isRepositoryName(text)) return text;
  throw new OciError("NAME_INVALID", `Invalid repository name ${shown(text)}`);
}

/** @throws OciError TAG_INVALID */
export function parseTag(text: string): string {
  if (isTag(text)) return text;
  throw new OciError("TAG_INVALID", `Invalid tag ${shown(text)}`);
}
