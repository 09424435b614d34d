import { OciError } from "../error/oci-error.ts";
import { isJsonObject, parseJson } from "../spec/json.ts";
import { emptyLayoutIndex, type LayoutIndex, parseLayoutIndex } from "../spec/layout-index.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import { type ArchiveEntries, type ArchiveEntry, readEntry } from "./entries.ts";

/** What an archive holds, by its content. */
export type ArchiveForm = "layout" | "docker";

/**
 * Tells a layout from what docker save writes. What is both is a layout.
 * @throws OciError ARCHIVE_INVALID for anything else
 */
export function formOf({ byPath, archive }: ArchiveEntries): ArchiveForm {
  if (byPath.has("oci-layout")) return "layout";
  if (byPath.has("manifest.json")) return "docker";
  const shown = JSON.stringify(archive.path);
  const old = byPath.has("repositories");
  throw new OciError(
    "ARCHIVE_INVALID",
    `The tar ${shown} is no image archive: it has neither oci-layout nor manifest.json`,
    {
      hint: old
        ? "It was written by a Docker before 1.10; load it there and save it with a newer one"
        : "Write an OCI layout's folder with: tar -C LAYOUT -cf FILE .",
    },
  );
}

/**
 * Reads index.json of a layout in a tar.
 * @throws OciError ARCHIVE_INVALID, LAYOUT_INVALID, LIMIT_EXCEEDED
 */
export async function readLayoutIndex(entries: ArchiveEntries, options: Signal = {}): Promise<LayoutIndex> {
  requireFolders(entries);
  const marker = entries.byPath.get("oci-layout");
  if (marker === undefined) return emptyLayoutIndex;
  const document = parseJson(
    await readEntry(entries, marker, Limits.layoutMarker, options),
    "oci-layout",
    "LAYOUT_INVALID",
  );
  const version = isJsonObject(document) ? document["imageLayoutVersion"] : undefined;
  if (typeof version !== "string" || !/^1\.0\.\d{1,9}$/.test(version)) {
    const got = JSON.stringify(version)?.slice(0, 60) ?? "nothing";
    throw new OciError(
      "LAYOUT_INVALID",
      `The layout in ${JSON.stringify(entries.archive.path)} has the version ${got}, expected 1.0.0`,
    );
  }
  const index = entries.byPath.get("index.json");
  if (index === undefined) {
    throw new OciError("LAYOUT_INVALID", `The layout in ${JSON.stringify(entries.archive.path)} has no index.json`);
  }
  return parseLayoutIndex(await readEntry(entries, index, Limits.layoutIndex, options));
}

/** A link in place of a folder would lead whoever unpacks the archive after us somewhere else. */
function requireFolders({ all, archive }: ArchiveEntries): void {
  const isLink = ({ type }: ArchiveEntry): boolean => type === "symlink" || type === "hardlink";
  const odd = all.find((entry) => isLink(entry) && /^(?:\.|blobs(?:\/[^/]+)?)$/.test(entry.path));
  if (odd === undefined) return;
  throw new OciError(
    "ARCHIVE_INVALID",
    `The entry ${JSON.stringify(odd.path)} of ${JSON.stringify(archive.path)} is a link, expected a directory`,
  );
}
