import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** What an entry of a layer says about the tree below it (image-spec layer.md, "Representing Changes"). */
export type LayerMark =
  | { readonly kind: "content" }
  /** The name goes away, as far as lower layers brought it. */
  | { readonly kind: "whiteout"; readonly name: string }
  /** Everything in this folder goes away, as far as lower layers brought it. */
  | { readonly kind: "opaque" }
  /** Bookkeeping of a storage driver. */
  | { readonly kind: "ignored" };

function leaves(path: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid layer: ${shownPath(path)} leaves the root`);
}

/** A path in a message, not longer than a line. */
export function shownPath(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}

/**
 * The parts of an entry's path from the root; none for the root itself.
 * @throws OciError ARCHIVE_INVALID when it leaves the root, LIMIT_EXCEEDED
 */
export function pathParts(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw leaves(path);
  if (parts.length > Limits.imageDepth) {
    throw new OciError("LIMIT_EXCEEDED", `A layer has more than ${Limits.imageDepth} folders inside each other`);
  }
  return parts;
}

/**
 * Reads a whiteout off an entry's last name.
 * @throws OciError ARCHIVE_INVALID for a whiteout of nothing, of the folder itself or of the one above
 */
export function readMark(name: string, path: string): LayerMark {
  if (!name.startsWith(WHITEOUT)) return { kind: "content" };
  if (name === OPAQUE) return { kind: "opaque" };
  const hidden = name.slice(WHITEOUT.length);
  if (hidden === "" || hidden === "." || hidden === "..") {
    throw new OciError("ARCHIVE_INVALID", `Invalid layer: ${shownPath(path)} is a whiteout of no name`);
  }
  return hidden.startsWith(WHITEOUT) ? { kind: "ignored" } : { kind: "whiteout", name: hidden };
}
