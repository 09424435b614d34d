import { OciError } from "../error/oci-error.ts";
import type { Digest } from "./digest.ts";
import { isTag } from "./name.ts";
import {
  cutDigest,
  formatReference,
  isFullName,
  looksLikeHost,
  parseReference,
  type Reference,
  requireRepository,
  shownText,
} from "./reference.ts";
import { withoutEndSlashes } from "./slashes.ts";

/** One repository of a registry, or something in it. */
export interface RegistryLocator extends Reference {
  readonly medium: "registry";
  /** Of a package URL: which image of an index is meant, on Linux. */
  readonly architecture?: string;
}

/** A layout directory, or something in it. */
export interface LayoutLocator {
  readonly medium: "layout";
  /** As written: relative to the working directory, or absolute. */
  readonly path: string;
  /** A tag, or a full reference as some tools write it into ref.name. */
  readonly tag?: string;
  readonly digest?: Digest;
}

/** A layout in a tar. `path` "-" is standard input or output. */
export interface ArchiveLocator {
  readonly medium: "archive";
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** What `docker save` writes. `path` "-" is standard input or output. */
export interface DockerArchiveLocator {
  readonly medium: "docker-archive";
  readonly path: string;
  /** `name[:tag]`, for an archive of several images. */
  readonly name?: string;
}

/** What a user types as source or target (docs/locators.md). */
export type Locator = RegistryLocator | LayoutLocator | ArchiveLocator | DockerArchiveLocator;

/** What lies at a path. */
export type Lying = "layout" | "directory" | "file";

export interface ParseLocatorOptions {
  /** Looks at the file system for the parser, which never does; without it, the spelling alone decides. */
  readonly look?: (path: string) => Lying | undefined;
}

const LAYOUT_SCHEMES = [
  "ocidir://",
  "oci-layout://",
  "oci-dir://",
  "ocidir:",
  "oci-layout:",
  "oci-dir:",
  "oci:",
] as const;
const ARCHIVE_NAME = /\.(?:tar|tar\.gz|tgz|tar\.zst)$/;
const FULL_SPELLINGS =
  "Write host/repo:tag for a registry, ocidir://path:tag for a layout, oci-archive:file.tar for an archive";

function invalid(text: string, problem: string, hint: string): OciError {
  return new OciError("LOCATOR_INVALID", `Invalid locator ${shownText(text)}: ${problem}`, { hint });
}

/**
 * Reads what a user types. Every spelling stands in docs/locators.md.
 * @throws OciError LOCATOR_INVALID, NAME_INVALID, TAG_INVALID; the hint names the right spelling
 */
export function parseLocator(text: string, options: ParseLocatorOptions = {}): Locator {
  if (text === "") throw invalid(text, "it is empty", FULL_SPELLINGS);
  if (text.length > 8192) throw invalid(text, "it is longer than 8192 characters", FULL_SPELLINGS);
  if (text.includes("\0")) throw invalid(text, "it contains a NUL character", FULL_SPELLINGS);
  if (text.startsWith("docker://")) return parseRegistry(text.slice("docker://".length));
  if (text.startsWith("oci://")) return parseHelm(text);
  if (text.startsWith("oci-archive:")) return parseArchive(text, text.slice("oci-archive:".length), options);
  if (text.startsWith("docker-archive:")) return parseDockerArchive(text, text.slice("docker-archive:".length));
  const scheme = LAYOUT_SCHEMES.find((known) => text.startsWith(known));
  if (scheme !== undefined) return { medium: "layout", ...splitPath(text, text.slice(scheme.length), options) };
  if (/^\.{0,2}\/|^\.{1,2}(?:[:@]|$)/.test(text)) return parsePath(text, options);
  if (text === "-") {
    throw invalid(
      text,
      "it names no medium",
      "Write oci-archive:- or docker-archive:- for an archive on standard input or output",
    );
  }
  refuseForeign(text);
  return parseRegistry(text);
}

function parseRegistry(text: string): RegistryLocator {
  requireRepository(text);
  return { medium: "registry", ...parseReference(text) };
}

/** `oci://host/repo`: helm's spelling of a registry, easily confused with the layout's `oci:path`. */
function parseHelm(text: string): RegistryLocator {
  const rest = text.slice("oci://".length);
  const first = rest.split("/", 1)[0] ?? "";
  if (first === "" || first === "." || first === ".." || !rest.includes("/")) {
    throw invalid(
      text,
      "oci:// takes a registry's host and a repository, not a path",
      `Write ocidir://${rest || "path"} for a layout directory, or oci://host/repo for a registry`,
    );
  }
  return { medium: "registry", ...parseReference(rest, { anyHost: true }) };
}

/** `./x`, `../x`, `/x`: a layout, or an archive where the file is one. */
function parsePath(text: string, options: ParseLocatorOptions): LayoutLocator | ArchiveLocator {
  const parts = splitPath(text, text, options);
  const lying = options.look?.(parts.path);
  const isArchive = lying === undefined ? ARCHIVE_NAME.test(parts.path) : lying === "file";
  return { medium: isArchive ? "archive" : "layout", ...parts };
}

function parseArchive(text: string, rest: string, options: ParseLocatorOptions): ArchiveLocator {
  return { medium: "archive", ...splitPath(text, rest.startsWith("//") ? rest.slice(2) : rest, options) };
}

function parseDockerArchive(text: string, rest: string): DockerArchiveLocator {
  for (let colon = rest.indexOf(":"); colon !== -1; colon = rest.indexOf(":", colon + 1)) {
    const name = rest.slice(colon + 1);
    if (!isReference(name)) continue;
    return { medium: "docker-archive", path: cleanPath(text, rest.slice(0, colon)), name };
  }
  if (rest.lastIndexOf(":") > rest.lastIndexOf("/")) {
    throw invalid(text, "what follows the file is not a name", "Write docker-archive:file.tar:name:tag");
  }
  return { medium: "docker-archive", path: cleanPath(text, rest) };
}

function isReference(text: string): boolean {
  try {
    return parseReference(text).digest === undefined;
  } catch {
    return false;
  }
}

interface PathParts {
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/**
 * `path[:tag][@digest]`. A colon or an at sign belongs to the path when a slash follows
 * it, so a path that has one is written with a slash at its end.
 */
function splitPath(text: string, rest: string, options: ParseLocatorOptions): PathParts {
  const cut = cutDigest(rest);
  const named = cut.rest;
  const digest = cut.digest === undefined ? {} : { digest: cut.digest };
  const colon = nameColon(named);
  if (colon === -1) return { path: cleanPath(text, named), ...digest };
  const tag = named.slice(colon + 1);
  if (isTag(tag) || isFullName(tag)) return { path: cleanPath(text, named.slice(0, colon)), tag, ...digest };
  if (options.look?.(named) !== undefined) return { path: cleanPath(text, named), ...digest };
  throw new OciError("TAG_INVALID", `Invalid tag ${shownText(tag)} in ${shownText(text)}`, {
    hint: "A tag is at most 128 letters, digits and . _ -; a path that has a colon is written with a / at its end",
  });
}

/** Where the name begins: at the first colon before a full reference, else at the last one after every slash. */
function nameColon(text: string): number {
  for (let colon = text.indexOf(":"); colon !== -1; colon = text.indexOf(":", colon + 1)) {
    if (isFullName(text.slice(colon + 1))) return colon;
  }
  const colon = text.lastIndexOf(":");
  return colon > text.lastIndexOf("/") ? colon : -1;
}

function cleanPath(text: string, path: string): string {
  if (path === "") throw invalid(text, "the path is missing", FULL_SPELLINGS);
  return withoutEndSlashes(path) || "/";
}

/** Spellings of other tools that berth cannot serve, or serves under another one. */
function refuseForeign(text: string): void {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(text)?.[1];
  if (scheme !== undefined) {
    const rest = text.slice(scheme.length + 3);
    if (/^https?$/i.test(scheme)) {
      const plain = scheme.toLowerCase() === "http" ? " and add --plain-http" : "";
      throw invalid(text, "a registry is written without a scheme", `Write ${rest}${plain}`);
    }
    throw invalid(text, `unknown scheme ${scheme}://`, FULL_SPELLINGS);
  }
  const word = /^(dir|docker-daemon|containers-storage|ocifile|sif|singularity):/.exec(text)?.[1];
  if (word === undefined) return;
  const rest = text.slice(word.length + 1);
  const hint =
    word === "ocifile"
      ? `Write ocidir://${rest}`
      : `Export it to an OCI layout first, for example: skopeo copy ${shownText(text)} oci:layout:tag`;
  throw invalid(text, `${word}: is not a medium of berth`, hint);
}

/** Writes a locator so that parsing gives it back. */
export function formatLocator(locator: Locator): string {
  switch (locator.medium) {
    case "registry":
      return `${looksLikeHost(locator.host) ? "" : "oci://"}${formatReference(locator)}`;
    case "layout":
      return `ocidir://${formatParts(locator)}`;
    case "archive":
      return `oci-archive:${formatParts(locator)}`;
    case "docker-archive":
      return `docker-archive:${formatPath(locator.path)}${locator.name === undefined ? "" : `:${locator.name}`}`;
  }
}

function formatPath(path: string): string {
  return /[:@]/.test(path) && !path.endsWith("/") ? `${path}/` : path;
}

function formatParts(parts: PathParts): string {
  const tag = parts.tag === undefined ? "" : `:${parts.tag}`;
  const digest = parts.digest === undefined ? "" : `@${parts.digest}`;
  return `${formatPath(parts.path)}${tag}${digest}`;
}

/**
 * How to write a layout or archive that lies where a registry's reference was read from a bare
 * word: `images:v1` names docker.io/library/images, but a layout `images` is in the working directory.
 */
export function layoutHint(text: string, look: (path: string) => Lying | undefined): string | undefined {
  if (/^[a-z-]+:\/\//.test(text)) return undefined;
  const { rest, digest } = cutDigestOrNothing(text);
  const colon = rest.lastIndexOf(":");
  const path = colon > rest.lastIndexOf("/") ? rest.slice(0, colon) : rest;
  const lying = look(path);
  const tail = `${rest.slice(path.length)}${digest === undefined ? "" : `@${digest}`}`;
  if (lying === "layout") return `There is a layout ${path} here: write ocidir://${path}${tail} for it`;
  if (lying === "file" && ARCHIVE_NAME.test(path)) {
    return `There is a file ${path} here: write oci-archive:${path}${tail} for it`;
  }
  return undefined;
}

function cutDigestOrNothing(text: string): { readonly rest: string; readonly digest?: Digest } {
  try {
    return cutDigest(text);
  } catch {
    return { rest: text };
  }
}
