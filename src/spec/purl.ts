import purl from "packageurl-js";
import { OciError } from "../error/oci-error.ts";
import { type Digest, isDigest } from "./digest.ts";
import type { RegistryLocator } from "./locator.ts";
import { isHost, parseReference, shownText } from "./reference.ts";
import { withoutEndSlashes } from "./slashes.ts";

function invalid(text: string, problem: string, cause?: unknown): OciError {
  return new OciError("LOCATOR_INVALID", `Invalid package URL ${shownText(text)}: ${problem}`, {
    hint: "For example: pkg:oci/app@sha256%3A…?repository_url=ghcr.io/org/app&tag=v1",
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Reads `pkg:oci/NAME@DIGEST?repository_url=…&tag=…&arch=…` (purl-spec, types/oci). A name alone says not which
 * registry, so `repository_url` has to be there: the whole repository, as the type has it, or the host alone.
 * @throws OciError LOCATOR_INVALID, NAME_INVALID, TAG_INVALID
 */
export function parsePurl(text: string): RegistryLocator {
  let parsed: InstanceType<typeof purl.PackageURL>;
  try {
    parsed = purl.PackageURL.fromString(text);
  } catch (cause) {
    throw invalid(text, cause instanceof Error ? cause.message.slice(0, 200) : "it cannot be read", cause);
  }
  const { type, namespace, name, version, qualifiers, subpath } = parsed;
  if (type !== "oci") throw invalid(text, `expected the type oci, got ${String(type)}`);
  if (namespace) throw invalid(text, "the type oci has no namespace; where it lies is what repository_url says");
  if (subpath) throw invalid(text, "nothing inside of an artifact can be named");
  if (version && !isDigest(version)) throw invalid(text, "what follows @ has to be a digest; a tag is a qualifier");
  const known = (qualifiers ?? {}) as Readonly<Record<string, string | undefined>>;
  const { repository_url: repository, tag, arch } = known;
  if (!repository) throw invalid(text, "it does not say in which repository: repository_url is missing");
  const place = repositoryOf(text, repository, name ?? "");
  const named = `${place}${tag ? `:${tag}` : ""}${version ? `@${version}` : ""}`;
  return { medium: "registry", ...parseReference(named), ...(arch ? { architecture: arch } : {}) };
}

function repositoryOf(text: string, url: string, name: string): string {
  const place = withoutEndSlashes(url.replace(/^(?:https?|oci|docker):\/\//, ""));
  if (isHost(place) && !place.includes("/")) return `${place}/${name}`;
  const last = place.slice(place.lastIndexOf("/") + 1);
  if (last.toLowerCase() === name.toLowerCase()) return place;
  throw invalid(text, `the repository ${shownText(place)} does not end with the name ${shownText(name)}`);
}

/** The package URL of a digest in a registry. */
export function formatPurl(place: Pick<RegistryLocator, "host" | "repository" | "tag">, digest: Digest): string {
  const { host, repository, tag } = place;
  const name = repository.slice(repository.lastIndexOf("/") + 1);
  const qualifiers = { repository_url: `${host}/${repository}`, ...(tag === undefined ? {} : { tag }) };
  return new purl.PackageURL("oci", undefined, name, digest, qualifiers, undefined).toString();
}
