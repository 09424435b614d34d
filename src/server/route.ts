import { OciError } from "../error/oci-error.ts";
import { computableAlgorithm, type Digest, parseDigest } from "../spec/digest.ts";
import { parseRepositoryName, parseTag } from "../spec/name.ts";
import { decodeComponent, parseQuery, type Query } from "./query.ts";

/** Where a request goes (distribution-spec, "Endpoints"). */
export type Route =
  | { readonly kind: "ping" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly repository: string }
  | {
      readonly kind: "manifest";
      readonly repository: string;
      readonly name: { readonly tag: string } | { readonly digest: Digest };
    }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: Digest }
  | { readonly kind: "uploads"; readonly repository: string }
  | { readonly kind: "upload"; readonly repository: string; readonly id: string }
  | { readonly kind: "referrers"; readonly repository: string; readonly digest: Digest }
  | { readonly kind: "oras-referrers"; readonly repository: string }
  | { readonly kind: "extensions"; readonly repository?: string };

export type RouteKind = Route["kind"];

export interface Target {
  /** Undefined: nothing answers there. */
  readonly route: Route | undefined;
  readonly query: Query;
}

/** No part of a repository's name starts with `_`, so these cannot be meant as names (distribution-spec, extensions). */
const DISCOVER = "_oci/ext/discover";
const ORAS_REFERRERS = "_oras/artifacts/referrers";

/** `http://host` of an absolute-form target; its host is never used. */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i;
/** Anything that no name, tag, digest or upload id holds, and that a path must not smuggle in. */
// oxlint-disable-next-line no-control-regex -- refusing control characters is the point
const FORBIDDEN = /[/\\%\u0000-\u001f\u007f]/;

/**
 * Parses a raw request target, once and before anything else looks at it. It is read from
 * the right, since repository names may hold `blobs`, `manifests`, `tags` and `uploads`.
 * @throws OciError NAME_INVALID, TAG_INVALID, DIGEST_INVALID
 */
export function parseTarget(target: string): Target {
  const local = target.replace(ABSOLUTE, "");
  const question = local.indexOf("?");
  const path = question === -1 ? local : local.slice(0, question);
  if (path.includes("#")) throw new OciError("NAME_INVALID", "A request target has no fragment");
  return { route: parsePath(path), query: parseQuery(question === -1 ? "" : local.slice(question + 1)) };
}

function parsePath(path: string): Route | undefined {
  const [root, version, ...rest] = path.split("/").map(decodeSegment);
  if (root !== "" || version !== "v2") return undefined;
  if (rest.length === 0 || (rest.length === 1 && rest[0] === "")) return { kind: "ping" };
  if (rest.length === 1 && rest[0] === "_catalog") return { kind: "catalog" };
  const tail = rest.slice(-3).join("/");
  if (tail === DISCOVER) {
    return rest.length === 3
      ? { kind: "extensions" }
      : named(rest, 3, (repository) => ({ kind: "extensions", repository }));
  }
  if (tail === ORAS_REFERRERS) return named(rest, 3, (repository) => ({ kind: "oras-referrers", repository }));
  const last = rest.at(-1) ?? "";
  const before = rest.at(-2);
  if (before === "tags" && last === "list") return named(rest, 2, (repository) => ({ kind: "tags", repository }));
  if (before === "manifests" && last !== "") {
    return named(rest, 2, (repository) => ({ kind: "manifest", repository, name: tagOrDigest(last) }));
  }
  if (before === "referrers" && last !== "") {
    return named(rest, 2, (repository) => ({ kind: "referrers", repository, digest: knownDigest(last) }));
  }
  if (before === "blobs" && last === "uploads") {
    return named(rest, 2, (repository) => ({ kind: "uploads", repository }));
  }
  if (before === "blobs" && last !== "") {
    return named(rest, 2, (repository) => ({ kind: "blob", repository, digest: knownDigest(last) }));
  }
  if (before === "uploads" && rest.at(-3) === "blobs") {
    return named(rest, 3, (repository) =>
      last === "" ? { kind: "uploads", repository } : { kind: "upload", repository, id: last },
    );
  }
  return undefined;
}

function named(rest: readonly string[], tail: number, route: (repository: string) => Route): Route | undefined {
  if (rest.length <= tail) return undefined;
  return route(parseRepositoryName(rest.slice(0, -tail).join("/")));
}

function decodeSegment(raw: string): string {
  const text = decodeComponent(raw);
  if (FORBIDDEN.test(text)) {
    throw new OciError("NAME_INVALID", `Invalid path segment ${JSON.stringify(raw.slice(0, 80))}`);
  }
  return text;
}

function tagOrDigest(text: string): { readonly tag: string } | { readonly digest: Digest } {
  return text.includes(":") ? { digest: knownDigest(text) } : { tag: parseTag(text) };
}

/**
 * A digest of an algorithm that can be computed here; any other can neither be stored nor found.
 * @throws OciError DIGEST_INVALID
 */
export function knownDigest(text: string): Digest {
  const digest = parseDigest(text);
  computableAlgorithm(digest);
  return digest;
}
