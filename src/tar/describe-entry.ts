import { OciError } from "../error/oci-error.ts";
import type { TarEntry, TarEntryType } from "./entry.ts";
import type { DecodedHeader } from "./header.ts";
import { paxTime } from "./pax.ts";

function invalid(problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: ${problem}`);
}

const TYPES: Readonly<Record<string, TarEntryType>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
  "7": "file",
};

/** Without slashes at the end, the root excepted; an expression would take hours over a megabyte of them. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end -= 1;
  return path.slice(0, end);
}

/** A record's number or text; an empty one takes an earlier one back (POSIX pax, "pax Extended Header"). */
function record(header: DecodedHeader, key: string): string | undefined {
  return header.pax.get(key) || undefined;
}

/**
 * What a header says, in one form for all formats.
 * @throws OciError ARCHIVE_INVALID for what other tools read differently
 */
export function describeEntry(header: DecodedHeader): TarEntry {
  const { name: path, flag, pax } = header;
  if (/^[SNX]$/.test(flag) || pax.has("GNU.sparse.major") || pax.has("GNU.sparse.map")) {
    throw invalid(
      `${JSON.stringify(path)} is a sparse file or in an old form that other tools read differently; pack without --sparse`,
    );
  }
  const given = TYPES[flag] ?? "other";
  const type = header.oldDirectory || (given === "file" && path.endsWith("/")) ? "directory" : given;
  if (path === "" || path.includes("\0")) throw invalid("an entry has no name");
  // Some readers would take the content for headers, others would not: two archives in one.
  if (type === "directory" && flag !== "5" && header.size > 0) {
    throw invalid(`${JSON.stringify(path)} is a directory with content`);
  }
  const [uid, gid, time] = [record(header, "uid"), record(header, "gid"), record(header, "mtime")];
  return {
    path: withoutSlashes(path),
    type,
    mode: header.mode & 0o7777,
    uid: uid === undefined ? header.uid : Number(uid),
    gid: gid === undefined ? header.gid : Number(gid),
    userName: pax.get("uname") ?? header.userName,
    groupName: pax.get("gname") ?? header.groupName,
    modifiedAt: time === undefined ? header.modifiedAt : paxTime(time),
    // Links and directories carry no content, whatever the field says (POSIX pax, "size").
    size: type === "file" || type === "other" ? header.size : 0,
    ...(type === "symlink" || type === "hardlink" ? { linkPath: header.linkName } : {}),
  };
}
