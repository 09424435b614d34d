import { ERROR_FACTS } from "../error/code.ts";
import { OciError } from "../error/oci-error.ts";
import { type Digest, isDigest } from "./digest.ts";
import { isRepositoryName, isTag } from "./name.ts";

/** A name in a registry; with neither tag nor digest it names the repository. */
export interface Reference {
  /** `host[:port]`, as the user wrote it; Docker Hub is `docker.io`. */
  readonly host: string;
  readonly repository: string;
  readonly tag?: string;
  /** Beside a tag, the digest is the truth and the tag a label. */
  readonly digest?: Digest;
}

export const DEFAULT_HOST = "docker.io";
export const DEFAULT_TAG = "latest";

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:.]+\\])(?::[0-9]{1,5})?$`);
/** Longer texts are refused before an expression sees them. */
const MAX_LENGTH = 1024;

/** What a user typed, for a message: quoted and not endless. */
export function shownText(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}

function invalid(text: string, problem: string, hint?: string): OciError {
  return new OciError(
    "LOCATOR_INVALID",
    `Invalid reference ${shownText(text)}: ${problem}`,
    hint === undefined ? {} : { hint },
  );
}

/** A host with an optional port; IPv6 addresses stand in brackets. */
export function isHost(text: string): boolean {
  if (text.length === 0 || text.length > 255 || !HOST.test(text)) return false;
  const port = /:([0-9]+)$/.exec(text.slice(text.lastIndexOf("]") + 1))?.[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
}

/** Docker's rule for what the first part of a name is: a host has a dot, a port or an upper-case letter, or is localhost. */
export function looksLikeHost(part: string): boolean {
  return part === "localhost" || /[.:A-Z]/.test(part) || part.startsWith("[");
}

const ADDRESS = /^(?:localhost|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[a-fA-F0-9:.]+\])(?::[0-9]{1,5})?$/;
const NAME_AND_PORT = /^[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+:[0-9]{2,5}$/;

/**
 * Refuses a host without a repository. By Docker's rules `localhost:5000` is the tag 5000 of the
 * image localhost at Docker Hub, which nobody means who types it.
 * @throws OciError LOCATOR_INVALID
 */
export function requireRepository(text: string): void {
  const { rest } = cutDigest(text);
  if (!ADDRESS.test(rest) && !NAME_AND_PORT.test(rest)) return;
  const hub = rest.startsWith("[")
    ? ""
    : `; what Docker's rules make of it, an image at Docker Hub, is docker.io/library/${rest}`;
  throw invalid(text, "it names a registry, but no repository in it", `Write ${rest}/REPOSITORY${hub}`);
}

/**
 * Cuts a digest off the end of a text, where one is.
 * @throws OciError LOCATOR_INVALID when what follows the last `@` means to be a digest and is none
 */
export function cutDigest(text: string): { readonly rest: string; readonly digest?: Digest } {
  const at = text.lastIndexOf("@");
  if (at === -1) return { rest: text };
  const tail = text.slice(at + 1);
  if (isDigest(tail)) return { rest: text.slice(0, at), digest: tail };
  if (/^[a-z0-9+._-]+:[^/]*$/.test(tail)) {
    throw new OciError("LOCATOR_INVALID", `Invalid digest ${shownText(tail)} in ${shownText(text)}`, {
      hint: ERROR_FACTS.DIGEST_INVALID.hint,
    });
  }
  return { rest: text };
}

/**
 * Reads `host[:port]/repository[:tag][@digest]` by Docker's rules: `alpine` is
 * docker.io/library/alpine, `me/app` is docker.io/me/app.
 * @param anyHost the first part is the host whatever it looks like, as helm has it
 * @throws OciError LOCATOR_INVALID, NAME_INVALID, TAG_INVALID
 */
export function parseReference(text: string, options: { readonly anyHost?: boolean } = {}): Reference {
  if (text.length > MAX_LENGTH) throw invalid(text, `it is longer than ${MAX_LENGTH} characters`);
  const { rest, digest } = cutDigest(text);
  if (rest.includes("@")) {
    throw invalid(text, "what follows @ must be a digest", "Credentials go into --username and --password-stdin");
  }
  const slash = rest.lastIndexOf("/");
  const colon = rest.indexOf(":", slash + 1);
  const name = colon === -1 ? rest : rest.slice(0, colon);
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  const { host, repository } = splitName(name, text, options.anyHost ?? false);
  if (!isRepositoryName(repository)) throw wrongRepository(repository, text);
  if (tag !== undefined && !isTag(tag)) {
    throw new OciError("TAG_INVALID", `Invalid tag ${shownText(tag)} in ${shownText(text)}`);
  }
  return {
    host,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function splitName(name: string, text: string, anyHost: boolean): { host: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  if (first === "" || !(anyHost || looksLikeHost(first))) {
    if (slash === 0) throw invalid(text, "it starts with /");
    if (/^[a-f0-9]{64}$/.test(name)) {
      throw invalid(text, "64 hex digits alone are no name", `Write the repository before it: NAME@sha256:${name}`);
    }
    return { host: DEFAULT_HOST, repository: slash === -1 ? `library/${name}` : name };
  }
  if (!isHost(first)) throw invalid(text, `${shownText(first)} is not a host with an optional port`);
  const path = name.slice(slash + 1);
  const host = first === "index.docker.io" ? DEFAULT_HOST : first;
  return { host, repository: host === DEFAULT_HOST && path !== "" && !path.includes("/") ? `library/${path}` : path };
}

function wrongRepository(repository: string, text: string): OciError {
  const lower = repository.toLowerCase();
  const hint =
    lower !== repository && isRepositoryName(lower) ? `Repository names are lower-case: ${lower}` : undefined;
  return new OciError(
    "NAME_INVALID",
    `Invalid repository name ${shownText(repository)} in ${shownText(text)}`,
    hint === undefined ? {} : { hint },
  );
}

/** `host/repository[:tag][@digest]`: complete, nothing implied. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${reference.host}/${reference.repository}${tag}${digest}`;
}

/** Whether a text is a complete reference with a host and a tag, as some tools write into a layout's ref.name. */
export function isFullName(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash < 1 || text.length > MAX_LENGTH || text.includes("@")) return false;
  const host = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  const colon = rest.lastIndexOf(":");
  return (
    looksLikeHost(host) &&
    isHost(host) &&
    colon > 0 &&
    isRepositoryName(rest.slice(0, colon)) &&
    isTag(rest.slice(colon + 1))
  );
}
